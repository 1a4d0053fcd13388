// Package kubernetes holds the tests of the Helm chart and of what it renders. Helm and the types of Kubernetes take minutes to build, so
// this is a module of its own, which make deploy-check runs and make test does not.
package kubernetes

// Package live holds tests that run what is parsed elsewhere: the balancers of the directory deploy in front of servers of the tests, and what
// docs/deploy.md tells to start by hand. They need the programs installed; without DEPLOY_CHECK in the environment, which make deploy-check sets,
// a missing one is a reason to skip.
package live

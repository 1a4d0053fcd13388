// Package deploy holds the tests of what lies in the directory deploy of the repository. Their parsers are a module of their own, so that
// nobody who builds the server has to fetch them.
package deploy

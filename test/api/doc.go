// Package api holds the contract of pools as tests: what users see through the Kubernetes API when zen-lead runs in their
// cluster. The API server is a real one and zen-lead a process under its own account; pods are bare, their status is
// written by the tests, so nothing about processes, probes and traffic is shown here.
package api

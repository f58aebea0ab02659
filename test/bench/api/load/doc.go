// Package load is what many callers do: they ask again and again, or listen.
//
// Every caller has a token and a connection of its own. Nothing in it is about zen-lead's server alone: by HTTP the same code
// asks the API server.
package load

// Package profiled runs a variant of the controller that can be profiled. zen-lead itself has no pprof endpoint and no
// flag for one: the variant is built with one more file in package main (go build -overlay), which listens on a loopback
// address that an environment variable names. No figure is measured on it.
package profiled

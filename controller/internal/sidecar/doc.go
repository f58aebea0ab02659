// Package sidecar takes part in a pool for a program beside it, which asks by HTTP, reads a file, or is told by a hook, whether
// this member leads.
//
// What is told is bounded in time: the program may believe it for as long as it says, at most [belief], counted from before it asked.
// The lead is given up only after that.
package sidecar

// Package contended lets three want a lock by `zen-lead lock`, kills the one that holds it, and tells who has it then, and when.
//
// Each step is awaited: nothing here sleeps.
package contended

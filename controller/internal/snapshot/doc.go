// Package snapshot keeps in memory who leads each pool, as the watches of policies, Leases and pods tell, and lets any
// number of readers see each change.
//
// Guarantees: the term of a pool never goes back, and each follower of a pool sees every state that was published after the one it
// began with, in order. Reading takes no lock.
//
// Not guaranteed: that a state is the newest; [replica.Replica.Heard] bounds how old it can be.
package snapshot

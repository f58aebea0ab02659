// Package api answers, for callers without access to the Kubernetes API, who leads, and moves leads for them: by gRPC
// and by HTTP, on every replica.
//
// Guarantees: nobody learns of a pool, or moves its lead, who may not get, watch, list or update the LeaderPolicy; a follower sees
// every change that this replica hears of, in order, and no older term after a newer one.
//
// Not guaranteed: that an answer is the newest. It says how old it can be.
package api

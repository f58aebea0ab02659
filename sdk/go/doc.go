// Package zenlead asks zen-lead who leads a pool: once, as a list, or as a stream of changes; and it takes locks. It needs no access to the
// Kubernetes API.
//
// It does not elect. A program that is to lead, and whose work must end before another's begins, uses
// github.com/kube-zen/zen-lead/core/lead.
//
// Guaranteed, for one [Client] and all that share its connection:
//
//   - Terms do not go back: what a call returns or yields is of no smaller term of its pool than what any call had returned before it
//     was asked for, whichever replica answers. Only a restore of the cluster's etcd makes terms smaller: restart the program after
//     one.
//   - A handover is sent at most once. Where it is not known whether the lead moved, the error is [ErrUnknown] and no other of this
//     package's.
//   - A lock is held until [Lock.Done] at most, which comes before another may hold it, as long as the clocks of this machine and of
//     zen-lead run equally fast but for a twentieth. A wish for a lock is told one token, however often it is sent; what nobody waits for any more is
//     given up.
//   - Tokens and certificate authorities are read anew when their files change, and are never part of an error.
//
// Not guaranteed: that an answer is still true when it arrives. Every answer is advice, good for routing, caches and people; a
// [Guard] only bounds how old it is. Nor that a process which stands still does nothing more once its lock is over. What protects data is a
// fencing token: send the term, or the lock's token, with each write, to a store that refuses a smaller one than it has seen.
//
// In a pod, [New] finds token, certificate authority and namespace by itself, where the pod has a projected volume as
// https://github.com/kube-zen/zen-lead/blob/main/docs/ask.md shows.
package zenlead

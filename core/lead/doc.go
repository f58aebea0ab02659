// Package lead runs a function in one process of a pool at a time.
//
// A pool is a LeaderPolicy of mode participant. Its members contend for one Lease: whoever wins the compare-and-swap on it begins
// a term, renews it, and gives it up once the function has returned.
//
// Guarantees, as long as no clock runs more than 5 % too fast or too slow:
//
//   - The context of the function ends before another member may begin a term, and [Term.Err] tells so no later, whatever became
//     of requests, connections and the API server. A pause of the process is seen when it ends.
//   - A function that has not returned by the hard stop ends the process (or calls what [OnOverrun] was given) before another
//     member may begin a term.
//   - Term numbers grow with every term.
//
// Not guaranteed: that a function which is paused between a look at its context and a write does not write late. No lease can
// do that. Send [Term.Number] with each write, to a store that refuses a smaller one than it has seen.
//
// Source: the algorithm is that of client-go's package leaderelection (others' clocks are never compared), with validity counted
// from before a request is sent (as in PaxosLease: Trencseni, Gazso, Reinhardt, 2012) and unknown outcomes settled by a second
// write on the version that the first one judged.
package lead

// Package record makes histories of a running cluster: every write to pods, Leases, EndpointSlices and LeaderPolicies
// from the start to the stop, without a gap.
//
// A first use:
//
//	r, err := record.Start(ctx, config, record.Options{File: "history.jsonl"})
//	...
//	events, err := r.Stop(ctx)
//	...
//	fmt.Println(history.Check(events))
//
// Guarantees, as long as Start and Stop return no error:
//   - the history begins with all objects as they were at one revision and has every later write up to one revision that
//     is not before the call of Stop;
//   - a broken connection or a restarted API server makes no gap: each watch goes on where it stopped.
//
// Non-guarantees: where the API server does not remember what happened since a watch broke (410 Gone; after its restart
// that is whatever it wrote before it died and had not sent), the recorder asks etcd for each revision in between. Where
// that is gone too, or is too much to ask for, Stop says so and there is no history. Receive times are this machine's and
// late by what the watch is.
package record

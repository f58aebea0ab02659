// Package demo shows zen-lead at work: three pods, six moves of the lead, and how long each took; then what becomes of data where a
// leader is frozen between its read and its write, without a fence and with one; then a lock that three want, whose holder is killed.
//
// Guarantees:
//   - What is shown is checked: a step that did not end as the contract says makes [Run] return an error that tells what
//     was expected and what was seen.
//   - Times come from watches of the demo's own, as administrator; nothing that zen-lead says of itself is used. Both
//     ends of a time are read from one clock, when the watch delivered the event.
//   - On a cluster of the user's, Run asks first, touches only what it made, and removes it, also after a failure or
//     when its context ends.
//
// Non-guarantees: one run is no benchmark; and a process that is killed cannot remove anything (a cluster of the demo's
// own dies with it, in every case).
package demo

// Package election measures the election between processes of a pool, lead.Run, beside client-go's leaderelection.
//
// Every member is a process of its own, under an account that may take part and nothing else, and tells what befalls it with
// times of the machine's monotonic clock. No controller runs: the election is between the members.
package election

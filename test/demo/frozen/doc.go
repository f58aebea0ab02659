// Package frozen lets the leader of a pool stand still between its read and its write, while another leads, and counts what is lost.
//
// The leaders are processes of examples/fencing/sql, as its readers have it. Each of their steps is asked for and answered, so that
// the pause falls where it should: nothing here sleeps, and each run has the same outcome.
package frozen

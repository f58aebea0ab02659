// Package live keeps a few lines at the foot of a terminal up to date, while other lines are written above them.
//
// Guarantees: lines appear whole and in the order in which they were written; after Close the terminal is as any program
// leaves it, with all lines and without the foot. It reads no keys: ctrl-c is the signal that it always is.
package live

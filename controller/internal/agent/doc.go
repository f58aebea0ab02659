// Package agent runs what is no Go program of its own: a command that runs only while this process leads a pool, or holds a lock.
package agent

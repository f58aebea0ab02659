// Package agent runs what is no Go program of its own as a member of a pool: a command that runs only while this process leads.
package agent

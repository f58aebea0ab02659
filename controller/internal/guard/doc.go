// Package guard keeps a command and everything that it starts within a term, though the process that leads may die or stand still.
//
// A guard is a process of its own, between the one that leads (the parent) and the command. The parent tells it until when the
// term lasts, again with each renewal. The guard sends SIGTERM when the time for work is over and kills everything before the
// term can be another's, by its own look at the clock. It kills everything as well when the parent is gone: then the pipe between
// them ends. If the guard dies, the kernel kills the command, and the parent what it had started.
//
// Both are subreapers: whatever the command starts stays below the guard, also what leaves the process group, and below the
// parent if the guard is gone. Where control groups of version 2 can be made the command is in one, which the kernel kills in one
// stroke.
//
// Not guaranteed: that descendants of the command end if parent and guard are killed in the same moment; the command does. A
// process in uninterruptible sleep ends when that does.
package guard

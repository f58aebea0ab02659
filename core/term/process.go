package term

import "strings"

// Process tells two processes of one member apart.
type Process struct {
	// Container is the name of the container in the pod, "" where it is not known.
	Container string
	// Instance tells one start of the container from the next, "" where it is not known.
	Instance string
	// ID is random, of this process.
	ID string
}

// Succeeds says whether p's start proves q dead: both run in the same container of the same pod, and that was started anew
// between them. The kubelet starts a container only once the one before has ended. The caller makes sure that the pods are one,
// and that a container's processes end with it: with hostPID or shareProcessNamespace they may not.
func (p Process) Succeeds(q Process) bool {
	return p.Container != "" && p.Container == q.Container && p.Instance != "" && q.Instance != "" && p.Instance != q.Instance
}

// String is how a process stands in a record.
func (p Process) String() string { return p.Container + "/" + p.Instance + "/" + p.ID }

// ParseProcess reads what [Process.String] wrote. ok is false where it is anything else.
func ParseProcess(s string) (p Process, ok bool) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || parts[2] == "" {
		return Process{}, false
	}
	return Process{Container: parts[0], Instance: parts[1], ID: parts[2]}, true
}

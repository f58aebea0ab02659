// Package heartbeat notices nodes that stop to renew their Leases, before the node controller does.
//
// Guarantees: clocks of other machines are compared with nothing; a node is suspected only when this process saw its
// Lease unchanged, by its own clock, while it heard the API server without a break; and never more than half of all
// nodes, as it is then the API server, or this process, that is cut off.
//
// Non-guarantee: a silent node may be well. Only its kubelet is known to be quiet.
package heartbeat

import (
	"slices"
	"sync"
	"time"
)

// Shares of a Lease's duration: a kubelet renews after a quarter of it, and tries again for most of the rest.
const (
	lateAfter   = 0.3
	silentAfter = 0.4
	// margin is how much faster than ours another clock may run.
	margin = 1.05
)

// Judge judges nodes by their Leases. The zero value has heard nothing. Its methods are safe for concurrent use.
type Judge struct {
	mu    sync.Mutex
	nodes map[string]heard
	// undisturbed is since when the API server was heard without a break.
	undisturbed time.Time
	looked      time.Time
	silent      map[string]bool
}

// heard is a Lease as it was last seen.
type heard struct {
	// renewal is the time that the Lease says; it is compared with itself only.
	renewal  string
	duration time.Duration
	at       time.Time
	// changed: it was seen to become so. One that was there at the start may be a dead node's.
	changed bool
}

// Saw notes the Lease of a node.
func (j *Judge) Saw(node, renewal string, duration time.Duration, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h, known := j.nodes[node]
	if known && h.renewal == renewal {
		return
	}
	if j.nodes == nil {
		j.nodes = map[string]heard{}
	}
	j.nodes[node] = heard{renewal: renewal, duration: duration, at: now, changed: known}
}

// Forget notes that a node has no Lease any more.
func (j *Judge) Forget(node string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.nodes, node)
}

// Disturbed notes that the API server was not heard for a moment: nobody is suspected for what he did not say until now.
func (j *Judge) Disturbed(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.undisturbed = now
}

// Look judges all nodes. changed are those that have become silent or are heard again, late those that may be silent
// soon.
func (j *Judge) Look(now time.Time) (changed, late []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	// The monotonic clock stands still while the machine is suspended, the wall clock does not.
	if gap := max(now.Sub(j.looked), now.Round(0).Sub(j.looked.Round(0))); gap > asleepFrom {
		j.undisturbed = now
	}
	j.looked = now
	silent := map[string]bool{}
	judged := 0
	for name, h := range j.nodes {
		if !h.changed {
			continue
		}
		judged++
		quiet := min(now.Sub(h.at), now.Sub(j.undisturbed))
		switch share := float64(quiet) / float64(h.duration) / margin; {
		case share > silentAfter:
			silent[name] = true
		case share > lateAfter:
			late = append(late, name)
		}
	}
	if 2*len(silent) > judged {
		j.undisturbed, silent = now, nil
	}
	for name := range j.silent {
		if !silent[name] {
			changed = append(changed, name)
		}
	}
	for name := range silent {
		if !j.silent[name] {
			changed = append(changed, name)
		}
	}
	j.silent = silent
	slices.Sort(changed)
	slices.Sort(late)
	return changed, late
}

// Silent says whether a node was silent when it was last looked at.
func (j *Judge) Silent(node string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.silent[node]
}

package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// userAgent is how zen-lead's requests begin to say who sends them. It sends no dry runs.
const userAgent = "zen-lead/"

// writes are the API writes of zen-lead in one step.
type writes struct {
	// by counts by resource, with subresource.
	by map[string]int
	// refused are those among them that the API server refused, a lost compare-and-swap for instance.
	refused int
	// events tell of the pool and are not part of it.
	events int
}

func countWrites(requests []audit.Request) writes {
	w := writes{by: map[string]int{}}
	for _, r := range requests {
		switch {
		case !r.IsWrite() || !strings.HasPrefix(r.UserAgent, userAgent) || r.ObjectRef.Namespace == zenlead.Namespace:
			continue // in its own namespace a replica says that it is there, moves or not
		case r.IsEvent():
			w.events++
			continue
		case !r.Succeeded():
			w.refused++
		}
		name := r.ObjectRef.Resource
		if r.ObjectRef.Subresource != "" {
			name += "/" + r.ObjectRef.Subresource
		}
		w.by[name]++
	}
	return w
}

func (w writes) total() int {
	n := 0
	for _, k := range w.by {
		n += k
	}
	return n
}

func (w writes) String() string {
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(w.by)) {
		parts = append(parts, fmt.Sprintf("%s %d", r, w.by[r]))
	}
	s := fmt.Sprintf("%d (%s)", w.total(), strings.Join(parts, ", "))
	if w.refused > 0 {
		s += fmt.Sprintf(", %d of them refused", w.refused)
	}
	return fmt.Sprintf("%s; events told: %d", s, w.events)
}

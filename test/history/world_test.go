package history_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kube-zen/zen-lead/test/history"
)

// bug is a plausible mistake in a controller; sound has none.
type bug string

const (
	sound                 bug = "sound"
	grantsWithoutNewTerm  bug = "grants without a new term"
	marksBlindly          bug = "marks without a test on role and term"
	marksBeforeTheLease   bug = "marks before the Lease is written"
	putsSlicesBlindly     bug = "writes slices without a precondition"
	addsEndpoints         bug = "adds the new leader to the slice"
	restartsTerms         bug = "starts again from the lowest base when the Lease is lost"
	movesTheBase          bug = "writes a new base with every grant"
	createsHeld           bug = "creates the Lease with a holder"
	takesOverHeldForeign  bug = "takes over a held Lease that has no base"
	marksTheNameNotTheUID bug = "judges the Lease by the holder's name alone"
)

// world is a pool and two replicas of the smallest controller that keeps the contract. Each step is one write, or one
// replica's look at the world; between a look and the writes that it led to, anything may happen.
type world struct {
	*rand.Rand
	bug    bug
	events []history.Event
	now    map[string]history.Event // by kind and name
	born   int
	// queue holds each replica's writes that have not been sent.
	queue [2][]func()
}

func newWorld(seed uint64, b bug) *world {
	return &world{Rand: rand.New(rand.NewPCG(seed, 0)), bug: b, now: map[string]history.Event{}}
}

// run makes a history of n steps.
func (w *world) run(n int) []history.Event {
	w.create(policy(history.Added))
	for range n {
		switch w.IntN(10) {
		case 0, 1, 2:
			w.user()
		default:
			w.replica(w.IntN(len(w.queue)))
		}
	}
	return w.events
}

func key(e history.Event) string { return string(e.Kind) + "/" + e.Name }

func (w *world) write(e history.Event) {
	e.Revision = int64(len(w.events) + 1)
	e.Namespace = "ns"
	w.events = append(w.events, e)
	if e.Type == history.Deleted {
		delete(w.now, key(e))
	} else {
		w.now[key(e)] = e
	}
}

func (w *world) create(e history.Event) {
	if _, there := w.now[key(e)]; there {
		return
	}
	w.born++
	e.Type, e.UID, e.Injected = history.Added, fmt.Sprint("uid-", w.born), false
	w.write(e)
}

// update writes e as a change of the version that was read: e.UID and e.Revision are its preconditions.
func (w *world) update(e history.Event, blind bool) {
	now, there := w.now[key(e)]
	if !there || now.UID != e.UID || (now.Revision != e.Revision && !blind) {
		return
	}
	e.Type, e.Injected = history.Modified, false
	w.write(e)
}

// pods lists the members, oldest first.
func (w *world) pods() []history.Event {
	var found []history.Event
	for _, e := range w.now {
		if e.Kind == history.KindPod {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b history.Event) int { return strings.Compare(a.UID, b.UID) })
	return found
}

// user does what people and the cluster do to a pool.
func (w *world) user() {
	pods := w.pods()
	if len(pods) < 2 || w.IntN(4) == 0 {
		w.create(pod(history.Added, string(rune('a'+w.IntN(5))), "", 0))
		return
	}
	p := pods[w.IntN(len(pods))]
	switch w.IntN(8) {
	case 0, 1:
		p.Type, p.Injected = history.Deleted, false
		w.write(p)
	case 2, 3:
		p.Pod.Ready = !p.Pod.Ready
		w.update(p, false)
	case 4:
		if p.Pool = "web"; w.IntN(2) == 0 {
			p.Pool = ""
		}
		w.update(p, false)
	case 5:
		for _, k := range []string{"lease/web", "slice/web-leader-ipv4"} {
			if e, there := w.now[k]; there && w.IntN(2) == 0 {
				e.Type, e.Injected = history.Deleted, false
				w.write(e)
			}
		}
	case 6: // somebody writes a role by hand
		p.Type, p.Injected = history.Modified, true
		p.Pod.Role = history.Role{Label: "leader", Annotation: "follower", Term: int64(w.IntN(len(w.events)))}
		w.write(p)
	case 7: // an elector of somebody else takes an empty Lease
		if l, there := w.now["lease/web"]; there && l.Lease.Holder == "" {
			l.Lease.Holder = "operator"
			l.Lease.Transitions++
			w.update(l, false)
		}
	}
}

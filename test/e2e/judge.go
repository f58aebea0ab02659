package e2e

import (
	"fmt"
	"slices"
	"time"

	"github.com/kube-zen/zen-lead/test/history"
)

// Answer is one line of the client's log.
type Answer struct {
	// Sent is when the question left.
	Sent time.Time
	// Received is when the answer or the error was there.
	Received time.Time
	// Pod and UID say who answered; empty: nobody did.
	Pod, UID string
	// Term and Leads are what that pod had been told of its part; it learns of a change a little later.
	Term  int64
	Leads bool
	// Err is what went wrong where nobody answered.
	Err string
}

// Reign is the time in which the Lease named one pod.
type Reign struct {
	Term     int64
	Pod, UID string
	From     time.Time
	// To is zero for the last.
	To time.Time
}

// Verdict is what the client saw in a window of time.
type Verdict struct {
	Answers, Failed int
	// Errors are the different errors of those that failed, in the order of their first.
	Errors []string
	// Gap is the longest time between two questions that were answered, or between one and an end of the window.
	Gap time.Duration
	// Late is for how long after its reign a pod was still asked: routes lag behind the Lease.
	Late time.Duration
	// Wrong names every answer that no route may lead to.
	Wrong []string
}

// Judge looks at the questions that were sent in the window. Two things are wrong: an answer of a pod that was not the leader yet, and two pods
// that answer as leaders of one term.
func Judge(answers []Answer, reigns []Reign, from, to time.Time) Verdict {
	var v Verdict
	answers = slices.Clone(answers)
	slices.SortFunc(answers, func(a, b Answer) int { return a.Sent.Compare(b.Sent) })
	leaders := map[int64]string{}
	last := from
	for _, a := range answers {
		if a.Sent.Before(from) || a.Sent.After(to) {
			continue
		}
		if a.UID == "" {
			v.fail(a)
			continue
		}
		v.Answers++
		v.Gap = max(v.Gap, a.Sent.Sub(last))
		last = a.Sent
		v.judge(a, reigns, leaders)
	}
	v.Gap = max(v.Gap, to.Sub(last))
	return v
}

func (v *Verdict) fail(a Answer) {
	v.Failed++
	if !slices.Contains(v.Errors, a.Err) {
		v.Errors = append(v.Errors, a.Err)
	}
}

func (v *Verdict) judge(a Answer, reigns []Reign, leaders map[int64]string) {
	late, led := lateness(a, reigns)
	if !led {
		v.Wrong = append(v.Wrong, fmt.Sprintf("%s answered at %s and had not led", a.Pod, a.Received.Format(time.TimeOnly)))
	}
	v.Late = max(v.Late, late)
	if !a.Leads {
		return
	}
	if other := leaders[a.Term]; other != "" && other != a.UID {
		v.Wrong = append(v.Wrong, fmt.Sprintf("%s answered as leader of term %d, as %s did", a.Pod, a.Term, other))
	}
	leaders[a.Term] = a.UID
}

// lateness is how long before the question the last reign of the pod that answered ended, and whether it had one at all. Reigns are known by a watch,
// so one may be heard of after it took effect; that an answer came before its sender's reign by less than watchDelay says nothing.
func lateness(a Answer, reigns []Reign) (late time.Duration, led bool) {
	for _, r := range slices.Backward(reigns) {
		if r.UID != a.UID || r.From.Add(-watchDelay).After(a.Received) {
			continue
		}
		if r.To.IsZero() || r.To.After(a.Sent) {
			return 0, true
		}
		return a.Sent.Sub(r.To), true
	}
	return 0, false
}

// watchDelay is far longer than a watch event takes on one machine.
const watchDelay = 250 * time.Millisecond

// Reigns reads them off the writes to the pool's Lease.
func Reigns(events []history.Event, namespace, pool string) []Reign {
	var reigns []Reign
	for _, e := range events {
		if e.Kind != history.KindLease || e.Namespace != namespace || e.Name != pool {
			continue
		}
		uid, term := e.Lease.HolderUID, e.Lease.Term()
		if e.Type == history.Deleted {
			uid = ""
		}
		if n := len(reigns); n > 0 && reigns[n-1].To.IsZero() {
			if reigns[n-1].UID == uid && reigns[n-1].Term == term {
				continue
			}
			reigns[n-1].To = e.Received
		}
		if uid != "" {
			reigns = append(reigns, Reign{Term: term, Pod: e.Lease.Holder, UID: uid, From: e.Received})
		}
	}
	return reigns
}

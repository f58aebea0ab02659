package lead

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/kube-zen/zen-lead/core/kube"
)

// referee checks what the processes do against what is promised.
type referee struct {
	t  *testing.T
	mu sync.Mutex
	// running are the functions that have not returned.
	running map[*process]Term
	// top is the largest term that any function began.
	top      int64
	terms    int
	lastWork time.Time
	causes   map[string]int
}

func (r *referee) fail(format string, a ...any) {
	r.t.Helper()
	r.t.Errorf(format, a...)
}

// begins: nobody else's function runs, unless its process stands still; and the term is larger than all before.
func (r *referee) begins(q *process, t Term) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		r.running, r.causes = map[*process]Term{}, map[string]int{}
	}
	for other, its := range r.running {
		if other.excused() || other.w.isOver() {
			continue
		}
		if !other.reports || its.Err() == nil { // who wants to be told only is allowed to run on, and knows that its term is over
			r.fail("at %v %v begins term %d while the function of %v still runs in term %d", time.Since(q.w.start), q, t.Number, other, its.Number)
		}
	}
	if t.Number <= r.top {
		r.fail("%v begins term %d, and %d has been", q, t.Number, r.top)
	}
	r.top, r.running[q] = t.Number, t
	r.terms++
}

func (r *referee) ends(q *process, _ Term) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, q)
}

func (r *referee) gone(q *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, q)
}

// step: a term that says it is valid is the newest.
func (r *referee) step(q *process, t Term) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastWork = time.Now()
	if t.Number != r.top && !q.w.isOver() {
		r.fail("at %v %v works in term %d, which says that it is valid, after term %d began", time.Since(q.w.start), q, t.Number, r.top)
	}
}

// told: the cause is one of the four outcomes.
func (r *referee) told(ctx context.Context, q *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause := context.Cause(ctx)
	for _, one := range []error{ErrHeld, ErrLost, ErrReleased, ErrUnknown} {
		if errors.Is(cause, one) {
			r.causes[one.Error()]++
			return
		}
	}
	r.fail("%v: the context ended with %v", q, cause)
}

// wrote: terms of the record only grow.
func (r *referee) wrote(was, is *coordinationv1.Lease) {
	before, _, _ := kube.RecordOf(was)
	after, _, _ := kube.RecordOf(is)
	if after.Term() < before.Term() || after.Held() && after.Holder != before.Holder && after.Term() == before.Term() {
		r.fail("the Lease's term went from %d (%v) to %d (%v)", before.Term(), before.Holder, after.Term(), after.Holder)
	}
}

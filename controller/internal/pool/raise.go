package pool

import (
	"math"

	"github.com/kube-zen/zen-lead/core/term"
)

// mostRaised leaves room for the grants that follow: transitions are 32 bits wide. What many may write is among the terms
// that count.
const mostRaised = math.MaxInt32 / 2

// raised returns the Lease's record with the largest term that anything bears, nil where that is not larger or the Lease is
// held: in mode observe a program may have had this Lease, and terms went on growing. Without that the next leader of mode
// controller would begin a term that has been. Slices and members count beside the status, which is written last: whoever
// published a leader while the policy was edited has not written it.
//
// Only an empty record is raised, or one that a stranger left behind: while a member of ours is named, no larger term was
// given, and what stands elsewhere was written by hand.
func (o *Observed) raised() *term.Record {
	if !o.Ours || o.Record.Held() && (!o.heldByStranger() || contentionOf(*o) != nil) {
		return nil
	}
	shown := o.Record.Term()
	for _, c := range claims(*o) {
		if c.term-o.Record.Base <= mostRaised { // a larger one was written by hand, and another may still count
			shown = max(shown, c.term)
		}
	}
	return o.raisedTo(shown)
}

// raisedForObserved returns the record of the pool's own Lease with the term that an observed leader is about to be published
// with, nil where it need not or cannot be raised. Written first, it is what keeps a replica that still elects, or elects
// again, from beginning a term below: of the two, one loses the compare-and-swap. The program's Lease is never written.
func (o *Observed) raisedForObserved(t term.Number) *term.Record {
	if o.Lease == nil || o.Program.name == o.Name || o.Record.Held() || !o.Ours && !o.made() {
		return nil
	}
	return o.raisedTo(t)
}

// raisedTo returns the record without holder and with term t, nil where that is not larger or out of reach.
func (o *Observed) raisedTo(t term.Number) *term.Record {
	if t <= o.Record.Term() || o.Record.Base != 0 && t-o.Record.Base > mostRaised {
		return nil
	}
	r := o.Record.Empty()
	if r.Base == 0 { // just made: nobody led by it
		r.Base = max(term.Number(r.Version), t)
		return &r
	}
	r.Transitions = int32(t - r.Base)
	return &r
}

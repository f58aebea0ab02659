package pool

import (
	"math"

	"github.com/kube-zen/zen-lead/core/term"
)

// mostRaised leaves room for the grants that follow: transitions are 32 bits wide. What many may write is among the terms
// that count.
const mostRaised = math.MaxInt32 / 2

// raised returns the Lease's record with the term that the status has, nil where that is not larger or the Lease is held:
// in mode observe terms went on growing and the pool's own Lease stayed as it was. Without that the next leader of mode
// controller would begin a term that has been.
//
// Only an empty record is raised, or one that a stranger left behind: while a member of ours is named, no larger term was
// given, and what stands in the status was written by hand.
func (o *Observed) raised() *term.Record {
	shown := believed(term.Number(o.Policy.Status.Term), mostOfStatus)
	if shown == 0 {
		shown = known(*o) // a policy that was made again: only its members may still tell
	}
	if !o.Ours || shown <= o.Record.Term() || shown-o.Record.Base > mostRaised {
		return nil
	}
	if o.Record.Held() && (!o.heldByStranger() || contentionOf(*o) != nil) {
		return nil
	}
	r := o.Record.Empty()
	r.Transitions = int32(shown - r.Base)
	return &r
}

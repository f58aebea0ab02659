package pool

import (
	"slices"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kube-zen/zen-lead/core/term"
)

// decideParticipants says what is to be done about a pool whose members contend for its Lease. Nobody is granted anything here:
// roles, Service and status follow the Lease, in its own term. What zen-lead alone knows it tells the members on the Lease: that it
// is empty, as its holder is proven dead, and who is to lead next.
func decideParticipants(o Observed, now time.Time) Plan {
	if p, ready := o.ready(now); !ready {
		return p
	}
	v, contended := o.leading()
	if o.Record.Held() && o.namedUID() == "" && o.rereads == 0 && o.unsighted() {
		return Plan{Reread: true} // who is named by a pod's name only is told by what the Lease was once the pod ran
	}
	if p := o.proveDeath(); p != nil {
		return *p
	}
	move := o.move(v.leader, contended)
	if move.verify != "" {
		return Plan{Verify: []string{move.verify}}
	}
	e := election{leader: v.leader, candidates: countCandidates(o.Members), observed: &v, contended: contended, handover: move.handover}
	t := o.Record.Term()
	if !t.Valid() {
		t = termFor(o, e, o.Record)
	}
	// Planned: the new leader gets its role last.
	p := Plan{Successor: move.name, Answered: move.answered, Planned: true, Leader: v.leader, After: sooner(v.wait, move.wait), awaits: v.awaits}
	publishFollowed(o, &p, v, t)
	if !o.Record.Term().Valid() && contended == nil { // only what still sends traffic is written
		p.Slices = slices.DeleteFunc(p.Slices, func(s discoveryv1.EndpointSlice) bool { return !o.sends(s.Name) })
	}
	reportFollowed(o, &p, e, t, now)
	return p
}

// ready says whether the Lease can be followed as it was read. If not, the plan makes it so.
func (o *Observed) ready(now time.Time) (Plan, bool) {
	switch {
	case o.Lease == nil && o.rereads == 0:
		return Plan{Reread: true}, false
	case o.Lease == nil:
		return o.birth(now)
	case o.heldForMember() && !o.PolicyLive, o.surpassed() != nil && o.Live && !o.PolicyLive:
		return Plan{RereadPolicy: true}, false // another replica may have been told of another mode
	case o.heldForMember():
		empty := o.Record.Empty()
		return Plan{Record: &empty, After: retryAfter}, false
	case o.behind():
		return Plan{Reread: true}, false
	case o.surpassed() != nil:
		return Plan{Record: o.surpassed(), After: retryAfter}, false
	}
	return Plan{}, true
}

// heldForMember says whether zen-lead holds the Lease for a member, from the pool's time in mode controller.
func (o *Observed) heldForMember() bool { return o.Ours && o.Record.Held() && !o.heldByStranger() }

// surpassed returns the empty record with the largest term that anything bears, nil where its own is that: terms of mode observe
// may be larger.
func (o *Observed) surpassed() *term.Record {
	if o.Record.Held() {
		return nil
	}
	return o.raised()
}

// birth makes the first Lease of a pool, which a member may take at once. A Lease that is missing later is the members' to make,
// with a duration for which all of them leave it alone: whoever held the one before may not know yet that it is gone. See
// docs/adr/0012-the-first-lease-of-a-participant-pool.md.
//
// The status is written first. Of several replicas one wins that write, and whoever dies after it, or whose creation was lost,
// finds a policy that has a status: no second Lease of this kind can follow.
func (o *Observed) birth(now time.Time) (Plan, bool) {
	if o.Policy.Status.ObservedGeneration != 0 || known(*o) != 0 {
		return Plan{}, true
	}
	if !o.PolicyLive {
		return Plan{RereadPolicy: true}, false
	}
	v, _ := o.leading()
	status := o.observedStatus(election{candidates: countCandidates(o.Members), observed: &v}, 0, now)
	return Plan{Create: true, Status: &status}, false
}

package pool

import (
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/node"
)

// choice is who should lead, before anything is written.
type choice struct {
	// leader is nil where nobody may lead.
	leader *Member
	// reason says why the holder, which could go on, does not; "" where it cannot, or stays.
	reason Reason
	// planned: the holder gives up its role before the record changes.
	planned bool
	// kept says why a holder that is not a candidate stays although somebody else is; "" where nobody else is.
	kept string
	// wait is when to choose again though nothing happens; 0: no need.
	wait time.Duration
}

// choose says who leads. The leader stays while it is a candidate, unless a handover, its node or fail-back moves it; else the best
// candidate leads; else the leader stays as long as it may: nobody is demoted with nobody to move to.
func choose(o *Observed, holder *Member, asked *handover) choice {
	best := bestOf(o.Members)
	switch {
	case o.Policy.Spec.Paused:
		return frozen(holder)
	case asked.wanted():
		return choice{leader: asked.target, planned: holder != nil && holder.Candidate(), reason: ReasonHandover}
	case holder != nil && holder.Candidate():
		return stay(o, holder, best)
	case best == nil && holder != nil && holder.MayStay():
		return choice{leader: holder}
	case best == nil:
		return choice{}
	case holder != nil && o.holds(holder):
		return choice{leader: holder, kept: "its node is not reachable, and spec.failover.unreachableNode is hold"}
	case holder != nil && holder.exists():
		if wait, why := damped(o); wait > 0 {
			return choice{leader: holder, kept: why, wait: wait}
		}
	}
	return choice{leader: best}
}

// frozen keeps what is: a paused pool moves for nothing, and elects nobody where nobody leads.
func frozen(holder *Member) choice {
	if holder != nil && holder.MayStay() {
		return choice{leader: holder}
	}
	return choice{}
}

// bestOf returns the candidate on the best node, of those the one of the largest weight, of those the oldest; nil if there is
// none.
func bestOf(members []Member) *Member {
	var best *Member
	for i := range members {
		if m := &members[i]; m.Candidate() && (best == nil || better(m, best)) {
			best = m
		}
	}
	return best
}

// failBack moves the lead to a candidate of larger weight, where the policy wants that, it has been a candidate for long
// enough, and so has the holder led: a preferred member that comes and goes moves the lead once in that time at most.
func failBack(o *Observed, holder *Member) choice {
	stay := choice{leader: holder}
	p := o.Policy.Spec.Preference
	if p == nil || p.FailBack == nil {
		return stay
	}
	after := time.Duration(p.FailBack.AfterSeconds) * time.Second
	var trusted *Member
	for i := range o.Members {
		m := &o.Members[i]
		if !m.Candidate() || m.Standing != node.Sound || m.Weight <= holder.Weight {
			continue
		}
		switch left := after - min(m.CandidateFor, o.ledFor()); {
		case left > 0:
			stay.wait = sooner(stay.wait, left)
		case trusted == nil || m.Weight > trusted.Weight:
			trusted = m
		}
	}
	if trusted == nil {
		return stay
	}
	if wait, _ := damped(o); wait > 0 {
		stay.wait = wait
		return stay
	}
	return choice{leader: trusted, planned: true, reason: ReasonPreferred}
}

// ledFor is for how long this process has seen the present leader lead.
func (o *Observed) ledFor() time.Duration {
	if o.participates() { // it renews
		return o.TermFor
	}
	return o.LeaseUnchangedFor
}

// A pool moves at most mostMoves times within movesWithin away from leaders that exist. A flapping probe, node or weight
// costs no more than that; a leader that is gone, ended or going is always replaced.
const (
	mostMoves   = 6
	movesWithin = time.Minute
)

// damped says for how long the pool must not leave a leader that exists, and why; 0: it may.
func damped(o *Observed) (wait time.Duration, why string) {
	if len(o.Moved) >= mostMoves {
		if wait = movesWithin - o.Moved[mostMoves-1]; wait > 0 {
			why = "the lead has moved too often within a minute"
		}
	}
	if f := o.Policy.Spec.Failover; f != nil && o.LastMove > 0 {
		least := time.Duration(f.MinSecondsBetweenMoves)*time.Second - o.LastMove
		if least > max(wait, 0) {
			wait, why = least, "spec.failover.minSecondsBetweenMoves keeps it"
		}
	}
	return max(wait, 0), why
}

package pool

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/node"
)

// past is what a process has seen of a pool's moves and candidates. It is measured by the monotonic clock of this process
// alone, and lost with it: then preferred members wait anew, and the first move is not held up.
type past struct {
	// holder is who the record named last.
	// It was read in version.
	holder  types.UID
	version int64
	// last is when the holder last changed; existing are, newest first, when it left one that still existed.
	last     time.Time
	existing []time.Time
	// since is when members became candidates.
	since map[types.UID]candidature
	// standings are those of members' nodes.
	standings map[types.UID]standing
}

// standing is one of a member's node, since it was first seen.
type standing struct {
	is node.Standing
	at time.Time
}

// note puts into a member what was seen of it before.
func (p *past) note(m *Member, now time.Time) {
	s, known := p.standings[m.UID]
	if !known || s.is != m.Standing {
		if p.standings == nil {
			p.standings = map[types.UID]standing{}
		}
		s = standing{is: m.Standing, at: now}
		p.standings[m.UID] = s
	}
	m.StandingFor = now.Sub(s.at)
	m.CandidateFor = p.candidateFor(m, now)
}

type candidature struct {
	at time.Time
	// ready is when the pod became ready, as it says itself. It is compared with itself only: another value tells that the pod
	// was not ready for a moment that this process did not see.
	ready metav1.Time
}

// candidateFor notes whether a member is a candidate, and returns for how long it was one without a break, on a node that
// nothing spoke against.
func (p *past) candidateFor(m *Member, now time.Time) time.Duration {
	c, known := p.since[m.UID]
	switch {
	case !m.Candidate() || m.Standing != node.Sound:
		delete(p.since, m.UID)
		return 0
	case known && c.ready.Equal(&m.ReadySince):
		return now.Sub(c.at)
	case p.since == nil:
		p.since = map[types.UID]candidature{}
	}
	p.since[m.UID] = candidature{at: now, ready: m.ReadySince}
	return 0
}

// look notes whom the record names.
func (p *past) look(o *Observed, now time.Time) {
	uid := types.UID(o.Record.Holder.UID)
	if o.Record.Version < p.version {
		return // a view of before
	}
	p.version = o.Record.Version
	if !o.Record.Held() || uid == "" || uid == p.holder {
		return
	}
	if p.holder != "" {
		p.last = now
		for i := range o.Members {
			if m := &o.Members[i]; m.UID == p.holder && m.exists() {
				p.existing = append([]time.Time{now}, p.existing[:min(len(p.existing), mostMoves-1)]...)
			}
		}
	}
	p.holder = uid
}

// tell puts into what was observed how long ago moves were.
func (p *past) tell(o *Observed, now time.Time) {
	o.Moved, o.LastMove = nil, 0
	for _, at := range p.existing {
		o.Moved = append(o.Moved, now.Sub(at))
	}
	if !p.last.IsZero() {
		o.LastMove = max(now.Sub(p.last), 1)
	}
}

// prune forgets who is no member.
func (p *past) prune(here map[types.UID]bool) {
	maps.DeleteFunc(p.since, func(uid types.UID, _ candidature) bool { return !here[uid] })
	maps.DeleteFunc(p.standings, func(uid types.UID, _ standing) bool { return !here[uid] })
}

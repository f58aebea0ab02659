package pools

import (
	"context"
	"fmt"
	"time"
)

// variant is how a leader is lost.
type variant int

const (
	// deleted: its pod is deleted without grace, and nothing of it is left. The API server makes two events of that: the
	// pod gets a deletion timestamp, and a moment later it is gone. The first is when its loss can be known.
	deleted variant = iota
	// unready: its pod stays and is not ready any more, so that its role has to be taken off as well.
	unready
)

func (v variant) String() string { return [...]string{"deleted", "unready"}[v] }

// move is one failover, as the observer saw it. All durations count from the first event that says that the leader is lost.
type move struct {
	pool string
	// lost is when that event was seen.
	lost time.Time
	// lease is when the Lease named the successor, slice when the leader Service did: the latency of the failover.
	lease, slice time.Duration
	// role is when the last role label was right, status when the policy's status was; only ours writes them.
	role, status time.Duration
	// gone is when the pod was, where it is deleted.
	gone time.Duration
}

// patience is how long a failover may take until the benchmark gives up.
const patience = 30 * time.Second

// failover makes the leader of a pool go and waits until everything that follows has been written, so that the next
// measurement begins in quiet.
func (r *rig) failover(ctx context.Context, o *observer, p pool, v variant) (move, error) {
	o.look()
	leader, ok := o.leader[p]
	if !ok {
		return move{}, fmt.Errorf("pool %v has no leader to lose", p)
	}
	var err error
	if v == deleted {
		err = r.population.kill(ctx, p.namespace, leader.pod)
	} else {
		err = r.population.setReady(ctx, p.namespace, leader.pod, "", false)
	}
	if err != nil {
		return move{}, err
	}
	t := newTrace(p, v, leader)
	if err := o.await(ctx, patience, t.take); err != nil {
		return move{}, fmt.Errorf("failover of pool %v from %s (%s): %w; seen: %v", p, leader.pod, v, err, t.at)
	}
	return t.move()
}

// trace collects the facts of one failover: each the first time that it is seen.
type trace struct {
	pool   pool
	leader sighting
	wanted []step
	at     map[step]time.Time
	// successor is whom each of Lease, slice and status names: they must agree.
	successor map[step]string
}

// step is one thing that has to be seen.
type step string

const (
	lost     step = "leader lost"
	gone     step = "leader gone"
	leased   step = "lease"
	sliced   step = "slice"
	promoted step = "role of the successor"
	demoted  step = "role of the old leader"
	reported step = "status"
)

func newTrace(p pool, v variant, leader sighting) *trace {
	t := &trace{pool: p, leader: leader, at: map[step]time.Time{}, successor: map[step]string{}}
	t.wanted = []step{lost, leased, sliced}
	if v == deleted {
		t.wanted = append(t.wanted, gone)
	}
	if p.namespace == ours {
		t.wanted = append(t.wanted, promoted, reported)
		if v == unready {
			t.wanted = append(t.wanted, demoted)
		}
	}
	return t
}

// take notes a fact and says whether all that was wanted has been seen.
func (t *trace) take(s sighting) bool {
	if s.pool != t.pool {
		return false
	}
	if what := t.stepOf(s); what != "" && t.at[what].IsZero() {
		t.at[what], t.successor[what] = s.at, s.pod
	}
	if t.at[lost].IsZero() {
		t.at[lost] = t.at[gone]
	}
	for _, w := range t.wanted {
		if t.at[w].IsZero() {
			return false
		}
	}
	return true
}

func (t *trace) stepOf(s sighting) step {
	if s.pod == t.leader.pod {
		switch s.fact {
		case podLeaving, podUnready:
			return lost
		case podGone:
			return gone
		case roleFollower:
			return demoted
		default:
			return "" // what still names the old leader is no news
		}
	}
	switch s.fact {
	case leaseNames:
		return leased
	case sliceNames:
		return sliced
	case roleLeader:
		return promoted
	case statusNames:
		return reported
	default:
		return ""
	}
}

func (t *trace) move() (move, error) {
	for _, what := range t.wanted {
		if what != lost && what != gone && what != demoted && t.successor[what] != t.successor[sliced] {
			return move{}, fmt.Errorf("pool %v: the slice names %s, %s is %s", t.pool, t.successor[sliced], what, t.successor[what])
		}
	}
	after := func(what step) time.Duration {
		if t.at[what].IsZero() {
			return 0
		}
		return t.at[what].Sub(t.at[lost])
	}
	return move{
		pool: t.pool.name, lost: t.at[lost], lease: after(leased), slice: after(sliced),
		role: max(after(promoted), after(demoted)), status: after(reported), gone: after(gone),
	}, nil
}

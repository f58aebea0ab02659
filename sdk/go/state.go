package zenlead

import (
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// State is who leads a pool, as far as whoever answered knew.
type State struct {
	// Pool is the pool's name, which is that of its LeaderPolicy.
	Pool string
	// Namespace is where it is.
	Namespace string
	// Leader is the member that leads, nil while nobody does.
	Leader *Leader
	// Term strictly grows with every change of leader. Large, with gaps: only compare. It is the pool's fencing token.
	Term int64
	// Since is when the leader last changed, by the cluster's clocks: for people. Zero while there never was a leader.
	Since time.Time
	// Guarantee is Advisory or Exclusive, as the policy's status says.
	Guarantee string
	// Age is how old the state was at most when it was returned: counted from before the question left, or, of a stream, as
	// whoever pushed it said.
	Age time.Duration
	// Stale: whoever answered has lost the API server, and tells what it knew then.
	Stale bool
}

// Leader is the member that leads.
type Leader struct {
	// Name is the pod's name; where it is no pod that zen-lead knows, the holder's identity.
	Name string
	// UID is the pod's UID, "" where it is not known. A StatefulSet gives the same name to a pod's successor, never the UID.
	UID string
	// IP is the pod's first IP, "" where it has none.
	IP string
	// Node is the pod's node, "" where it has none.
	Node string
}

// String is the leader's name, and "nobody" where there is none: for people.
func (l *Leader) String() string {
	if l == nil {
		return "nobody"
	}
	return l.Name
}

// stateOf reads what came over the wire.
func stateOf(m *zenleadv1.LeaderState) State {
	s := State{
		Pool:      m.GetPool(),
		Namespace: m.GetNamespace(),
		Term:      m.GetTerm(),
		Guarantee: m.GetGuarantee(),
		Age:       ageOf(m.GetAgeMs()),
	}
	if m.GetSince() != nil {
		s.Since = m.GetSince().AsTime()
	}
	if l := m.GetLeader(); l != nil {
		s.Leader = &Leader{Name: l.GetName(), UID: l.GetUid(), IP: l.GetIp(), Node: l.GetNode()}
	}
	return s
}

// ageOf reads an age: none is from the future, and none so large that adding to it overflows.
func ageOf(ms int64) time.Duration {
	const year = 365 * 24 * time.Hour
	return time.Duration(min(max(ms, 0), year.Milliseconds())) * time.Millisecond
}

// same is whether two states tell the same, however current they are.
func (s State) same(o State) bool {
	if (s.Leader == nil) != (o.Leader == nil) || s.Leader != nil && *s.Leader != *o.Leader {
		return false
	}
	return s.Pool == o.Pool && s.Namespace == o.Namespace && s.Term == o.Term && s.Guarantee == o.Guarantee && s.Since.Equal(o.Since)
}

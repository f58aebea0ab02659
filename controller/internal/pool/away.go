package pool

import (
	"time"

	"github.com/kube-zen/zen-lead/controller/internal/node"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// drainsTogether is how long the lead waits on a node that is about to be emptied: whoever drains several nodes cordons
// all of them first, one after the other, and the lead should not go to the next one of them. kubectl drain cordons a second
// node 2 to 13 ms after the first when next to the API server, and evicts the first pod after 26 ms at the earliest.
const drainsTogether = 15 * time.Millisecond

// stay says whether a leader that is a candidate goes on: it moves, as planned, from a node that is about to be emptied, or is
// lost, to a candidate on a better one. Else only fail-back moves it. best is the best candidate.
func stay(o *Observed, holder, best *Member) choice {
	if !holder.Standing.Worse(best.Standing) || o.holds(holder) {
		return failBack(o, holder)
	}
	if left := drainsTogether - holder.StandingFor; holder.Standing == node.Leaving && left > 0 {
		return choice{leader: holder, wait: left}
	}
	if wait, _ := damped(o); wait > 0 && holder.exists() {
		return choice{leader: holder, wait: wait}
	}
	return choice{leader: best, planned: true, reason: reasonOf[holder.Standing]}
}

// wantsHold says whether leaders are to stay whose nodes are not reachable.
func (o *Observed) wantsHold() bool {
	f := o.Policy.Spec.Failover
	return f != nil && f.UnreachableNode == v1alpha1.UnreachableNodeHold
}

// holds says whether the policy wants a leader to stay that nobody can tell to stop. Whoever deletes its pod, or vouches for the
// death of its node, has decided otherwise; the node controller, which deletes pods of such nodes after a while, has not.
func (o *Observed) holds(leader *Member) bool {
	return o.wantsHold() && leader.MayStay() &&
		leader.Standing.Lost() && leader.Standing != node.OutOfService && (!leader.Terminating || leader.Tainted)
}

// reasonOf says why a leader does not stay on its node.
var reasonOf = map[node.Standing]Reason{
	node.Leaving:      ReasonNodeLeaving,
	node.Silent:       ReasonNodeSilent,
	node.Unreachable:  ReasonNodeUnreachable,
	node.Gone:         ReasonNodeGone,
	node.OutOfService: ReasonNodeOutOfService,
}

// better says whether m should rather lead than n: its node is better, or else its weight is larger. Of equals the first
// is meant, which is the older.
func better(m, n *Member) bool {
	if m.Standing.Worse(n.Standing) || n.Standing.Worse(m.Standing) {
		return n.Standing.Worse(m.Standing)
	}
	return m.Weight > n.Weight
}

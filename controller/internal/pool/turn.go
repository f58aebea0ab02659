package pool

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/replica"
)

// othersAfter is how long a replica leaves a plan to the one that the pool prefers.
const othersAfter = 300 * time.Millisecond

// atOnce is how many plans of one pool are carried out without a pause; after that, one each othersAfter. It bounds what
// two replicas write whose views differ and who both act: each would undo what the other one wrote. A lost leader is
// replaced whatever was written before.
const atOnce = 20

// toldAfter is how long what is to be told about a member is left to the replica that the pool prefers. A replica that has
// died is preferred for replica.Lost; one that still is, after another renewal, was there when there was something to tell.
// Events are not watched: nothing else says whether it was told.
const toldAfter = replica.Lost * 4 / 3

// turn says whether a plan is this replica's to carry out, and if not, when to look again whether it still is to be
// done; 0: no need. The wait begins anew when somebody wrote the Lease: the preferred replica is there then. Nothing else
// puts it off: members come and go all the time, and people delete Leases and slices.
func (r *Reconciler) turn(key types.NamespacedName, o Observed, plan Plan, m *memory, now time.Time) (mine bool, again time.Duration) {
	switch mine = r.Preferred == nil || r.Preferred(key); {
	case !plan.acts():
		m.undone = ""
		if mine {
			return true, 0
		}
		return false, m.leave(plan.Events, now) // what there is to tell without a write, the preferred replica tells
	case m.acting:
		return true, 0
	case mine && !o.Drowsy && (plan.Create || o.leaderLost() || m.hasPace(now)):
		m.undone = ""
		return true, 0
	}
	if m.undone == "" || o.Lease != nil && o.Lease.ResourceVersion != m.undone {
		m.undone, m.undoneSince = "no Lease", now
		if o.Lease != nil {
			m.undone = o.Lease.ResourceVersion
		}
	}
	if again = othersAfter - now.Sub(m.undoneSince); again > 0 {
		return false, again
	}
	m.undoneSince = now // the next plan waits again
	return true, 0
}

// leaderLost says whether the record names somebody who cannot be elected, where that is zen-lead's to mend.
func (o *Observed) leaderLost() bool {
	if o.Program != nil || o.Lease == nil || !o.Record.Held() {
		return false
	}
	for i := range o.Members {
		if m := &o.Members[i]; string(m.UID) == o.Record.Holder.UID {
			return !m.Candidate()
		}
	}
	return true
}

// hasPace takes one of the plans that may be carried out at once.
func (m *memory) hasPace(now time.Time) bool {
	if m.pace == nil {
		m.pace = rate.NewLimiter(rate.Every(othersAfter), atOnce)
	}
	return m.pace.AllowN(now, 1)
}

// acts says whether the plan has anything to read or to write.
func (p *Plan) acts() bool {
	return p.reads() || p.Create || p.Record != nil || p.Successor != nil || p.Service != nil || len(p.Slices) > 0 ||
		len(p.Roles) > 0 || len(p.RemoveServices) > 0 || len(p.RemoveSlices) > 0 || p.Status != nil || p.Answered != nil
}

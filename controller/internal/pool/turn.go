package pool

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// othersAfter is how long a replica leaves a plan to the one that the pool prefers.
const othersAfter = 300 * time.Millisecond

// turn says whether a plan is this replica's to carry out, and if not, when to look again whether it still is to be
// done; 0: no need. The wait begins anew when somebody wrote the Lease: the preferred replica is there then. Nothing else
// puts it off: members come and go all the time, and people delete Leases and slices.
func (r *Reconciler) turn(key types.NamespacedName, o Observed, plan Plan, m *memory, now time.Time) (mine bool, again time.Duration) {
	switch mine = r.Preferred == nil || r.Preferred(key); {
	case mine || !plan.acts():
		m.undone = ""
		return mine, 0 // what there is to tell without a write, the preferred replica tells
	case m.acting:
		return true, 0
	}
	if m.undone == "" || o.Lease != nil && o.Lease.ResourceVersion != m.undone {
		m.undone, m.undoneSince = "no Lease", now
		if o.Lease != nil {
			m.undone = o.Lease.ResourceVersion
		}
	}
	again = othersAfter - now.Sub(m.undoneSince)
	return again <= 0, max(again, 0)
}

// acts says whether the plan has anything to read or to write.
func (p *Plan) acts() bool {
	return p.reads() || p.Create || p.Record != nil || p.Service != nil || len(p.Slices) > 0 ||
		len(p.Roles) > 0 || len(p.RemoveServices) > 0 || len(p.RemoveSlices) > 0 || p.Status != nil
}

package pool

import (
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// program is what is known of the Lease that the processes in the pods write: in mode observe a program's, which zen-lead never
// writes; in mode participant the pool's own.
type program struct {
	// name of the Lease, in the pool's namespace.
	name string
	// lease is nil where it is missing; record is what it says.
	lease  *coordinationv1.Lease
	record term.Record
	// unchangedFor is how long this process has seen no sign of life of the holder, by its own monotonic clock, changed the version
	// of the last one; alive: it came while this process looked.
	unchangedFor time.Duration
	changed      int64
	alive        bool
	// late is how long the holder, by its own clock, took over its last renewal, where that is longer than the duration that
	// it promises; else 0.
	late time.Duration
	// sighted says, for each member that this process saw running, which version the Lease had at the API server at some
	// moment after that.
	sighted map[types.UID]int64
}

// verdict says who leads by the program's Lease.
type verdict struct {
	// lease is the Lease's name.
	lease string
	// leader is nil where nobody is known to lead; reason and message then say why.
	leader          *Member
	reason, message string
	// wait is when the verdict changes though nothing happens, 0 if it does not; awaits: a renewal may change it.
	wait   time.Duration
	awaits bool
}

// verdict judges the program's Lease: the record, and its age by this process's clock. Times that stand in it are another
// machine's.
func (o *Observed) verdict() verdict {
	p := o.Program
	v := verdict{lease: p.name}
	nobody := func(reason, format string, a ...any) verdict {
		v.reason, v.message = reason, fmt.Sprintf(format, a...)
		return v
	}
	switch {
	case p.lease == nil:
		return nobody(v1alpha1.ReasonLeaseMissing, "there is no Lease %s: the program in the pods makes it, or spec.leaseName is another", p.name)
	case !p.record.Held():
		return nobody(v1alpha1.ReasonLeaseEmpty, "nobody holds Lease %s", p.name)
	}
	holder, duration := p.record.Holder.Identity, p.record.Lasts()
	m := memberOfIdentity(o.Members, holder)
	if m == nil {
		return nobody(v1alpha1.ReasonHolderUnknown, "%s", o.unknown(holder))
	}
	v.wait = term.Wait(duration) - p.unchangedFor
	switch {
	case v.wait <= 0:
		v.wait, v.awaits = 0, true
		return nobody(v1alpha1.ReasonLeaseExpired, "%q holds Lease %s and did not renew it for its leaseDurationSeconds, %d", holder, p.name, duration/time.Second)
	case m.Terminal:
		return nobody(v1alpha1.ReasonHolderEnded, "%q holds Lease %s, and pod %s has ended", holder, p.name, m.Name)
	case !o.proven(m):
		v.awaits = true
		return nobody(v1alpha1.ReasonHolderUnproven, "%q holds Lease %s: its next renewal tells whether that is pod %s or an earlier one of that name", holder, p.name, m.Name)
	}
	v.leader = m
	return v
}

// memberOfIdentity returns the member that a holder names: "<pod>", "<pod>-<its UID>" or "<pod>_<anything>", as client-go's
// users do. The name of a pod holds no "_", so that what stands before the first one is the whole name.
func memberOfIdentity(members []Member, holder string) *Member {
	if m := memberNamed(members, holder); m != nil {
		return m
	}
	for i := range members {
		if m := &members[i]; holder == m.Name+"-"+string(m.UID) {
			return m
		}
	}
	name, _, found := strings.Cut(holder, "_")
	if !found {
		return nil
	}
	return memberNamed(members, name)
}

// proven says whether the holder, which names the member, is that pod and not an earlier one of its name: it bears the pod's
// UID, or the record has changed since the pod was seen running, or somebody found so before.
func (o *Observed) proven(m *Member) bool {
	if o.Program.record.Holder.Identity == m.Name+"-"+string(m.UID) {
		return true
	}
	if h := o.Policy.Status.CurrentHolder; h != nil && h.UID == m.UID {
		return true
	}
	version, sighted := o.Program.sighted[m.UID]
	return sighted && o.Program.changed > version
}

// unsighted says whether a member runs of which it is not known yet what the Lease was after that was seen.
func (o *Observed) unsighted() bool {
	for i := range o.Members {
		if _, sighted := o.Program.sighted[o.Members[i].UID]; o.Members[i].Running && !sighted {
			return true
		}
	}
	return false
}

// unknown tells people what to do about a holder that names no member.
func (o *Observed) unknown(holder string) string {
	host, _, _ := strings.Cut(holder, "_")
	for i := range o.Members {
		if m := &o.Members[i]; m.Node != "" && m.Node == host {
			return fmt.Sprintf("%q holds Lease %s and names a node, on which %s runs: with hostNetwork a pod's hostname is its node's; "+
				"let the program name itself by its pod", holder, o.Program.name, m.Name)
		}
	}
	return fmt.Sprintf("%q holds Lease %s and names no member: a member is <pod>, <pod>-<its UID> or <pod>_<anything>, and has annotation %s: %s",
		holder, o.Program.name, v1alpha1.PoolAnnotation, o.Name)
}

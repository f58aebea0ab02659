package pool

import (
	"fmt"
	"slices"
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// participates says whether the members contend for the pool's Lease themselves. It is then [Observed.Program] too.
func (o *Observed) participates() bool {
	return o.Policy != nil && o.Policy.Spec.Mode == v1alpha1.ModeParticipant
}

// ownProcess says whether the record's holder is a process that keeps to zen-lead's rules: its work ends before its term does.
// A stranger's elector keeps the annotations of whom it replaced, but not the tag of the term.
func (o *Observed) ownProcess() bool { return o.Record.Holder.Process != (term.Process{}) }

// namedUID is the pod's UID, where the holder wrote that: who takes a Lease of mode controller with another elector leaves the one
// of before.
func (o *Observed) namedUID() string {
	if o.ownProcess() {
		return o.Record.Holder.UID
	}
	return ""
}

// leading says who leads a pool whose members contend: whom its Lease names, as long as that was seen to change within its
// duration. contended is set where the Lease is in the hands of somebody who keeps to other rules, or none.
func (o *Observed) leading() (v verdict, contended *contention) {
	v.lease = o.Name
	nobody := func(reason, format string, a ...any) (verdict, *contention) {
		v.leader, v.reason, v.message = nil, reason, fmt.Sprintf(format, a...)
		return v, contended
	}
	holder := o.Record.Holder.Identity
	switch {
	case o.Lease == nil:
		return nobody(v1alpha1.ReasonLeaseMissing, "there is no Lease %s: a process that contends (lead.Run) makes it, and all wait for as long as a term may last", v.lease)
	case !o.Ours && !o.made():
		contended = &contention{reason: v1alpha1.ReasonForeignRecord, holder: holder}
		return nobody(v1alpha1.ReasonForeignLease, "Lease %s is not the pool's", v.lease)
	case !o.Record.Held():
		return nobody(v1alpha1.ReasonLeaseEmpty, "nobody holds Lease %s: a process takes it that contends (lead.Run)", v.lease)
	case !o.ownProcess():
		contended = &contention{reason: v1alpha1.ReasonForeignHolder, holder: holder}
	}
	m, duration := o.holdingMember(), o.Record.Lasts()
	v.wait = term.Wait(duration) - o.Program.unchangedFor
	switch {
	case v.wait <= 0, !o.Program.alive && o.ownProcess() && o.released(): // another replica has seen it expire, and this one no life of it
		v.wait, v.awaits = max(v.wait, 0), true
		return nobody(v1alpha1.ReasonLeaseExpired, "%q holds Lease %s and did not renew it for its leaseDurationSeconds, %d", holder, v.lease, duration/time.Second)
	case m == nil:
		return nobody(v1alpha1.ReasonHolderUnknown, "%s", o.unknown(holder))
	case m.Terminal:
		return nobody(v1alpha1.ReasonHolderEnded, "%q holds Lease %s, and pod %s has ended", holder, v.lease, m.Name)
	case o.namedUID() == "" && !o.proven(m):
		v.awaits = true
		return nobody(v1alpha1.ReasonHolderUnproven, "%q holds Lease %s: its next renewal tells whether that is pod %s or an earlier one of that name", holder, v.lease, m.Name)
	}
	v.leader = m
	return v, contended
}

// holdingMember returns the member that the record names, nil if there is none: by the pod's UID, where the holder wrote that.
func (o *Observed) holdingMember() *Member {
	uid, identity := o.namedUID(), o.Record.Holder.Identity
	i := slices.IndexFunc(o.Members, func(m Member) bool { return uid == "" && m.Identity == identity || uid != "" && string(m.UID) == uid })
	switch {
	case i >= 0:
		return &o.Members[i]
	case uid != "":
		return nil
	}
	return memberOfIdentity(o.Members, identity)
}

// guarantee is Exclusive where the processes of the pods end their terms by their own clocks, and nobody else has the Lease.
func (o *Observed) guarantee(contended *contention) v1alpha1.Guarantee {
	if o.participates() && contended == nil {
		return v1alpha1.GuaranteeExclusive
	}
	return v1alpha1.GuaranteeAdvisory
}

package pool

import (
	"time"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// election is the outcome of looking at the record and the members.
type election struct {
	// leader is the member that leads once record is written; nil if none.
	leader *Member
	// record replaces the one of the Lease; nil leaves it.
	record *term.Record
	reason Reason
	// replaced is the member that the replaced record names; nil if it is no member any more.
	replaced *Member
	// candidates counts the members that may be elected now.
	candidates int32
	// contended is set where the record is not zen-lead's to write.
	contended *contention
	// handover is the request that is answered; nil: there is none.
	handover *handover
	// observed is what the program's Lease says, in mode observe; else nil.
	observed *verdict
	// planned, kept and wait are those of the choice.
	planned bool
	kept    string
	wait    time.Duration
}

// elect says who leads, and what has to be written for it.
func elect(o Observed) election {
	e := election{candidates: countCandidates(o.Members)}
	e.contended = contentionOf(o)
	e.handover = handoverOf(&o, e.contended)
	if e.contended != nil {
		e.wait = e.contended.wait
		return e
	}
	holder := holderOf(o)
	c := choose(&o, holder, e.handover)
	e.leader, e.kept, e.wait = c.leader, c.kept, c.wait
	switch named := o.Record.Held(); {
	case e.leader == nil && named && o.Ours:
		e.release(o, holder)
	case e.leader != nil && (!named || !o.Ours || o.heldByStranger() || e.leader.Holder() != o.Record.Holder):
		e.grant(o, holder)
		if e.leader != holder && c.reason != "" {
			e.planned, e.reason = c.planned, c.reason
		}
	}
	return e
}

func (e *election) grant(o Observed, holder *Member) {
	record := o.Record.Grant(e.leader.Holder(), known(o))
	e.record, e.replaced, e.reason = &record, holder, whyNot(o, holder)
}

func (e *election) release(o Observed, holder *Member) {
	record := o.Record.Empty()
	e.record, e.replaced, e.reason = &record, holder, whyNot(o, holder)
}

func countCandidates(members []Member) (n int32) {
	for i := range members {
		if members[i].Candidate() {
			n++
		}
	}
	return n
}

// holderOf returns the member that the record names, nil if there is none. A pod that was made again under the same name
// is somebody else; one whose identity was edited is not.
//
// A record that was just made again names nobody yet; then it is the member that led last, so that a deleted Lease
// moves no leader.
func holderOf(o Observed) *Member {
	if !o.Ours && !o.Record.Held() {
		return lastLeader(o)
	}
	for i := range o.Members {
		m := &o.Members[i]
		if m.Holder() == o.Record.Holder || string(m.UID) == o.Record.Holder.UID && !o.heldByStranger() {
			return m
		}
	}
	return nil
}

// whyNot says why the record's holder does not lead any more.
func whyNot(o Observed, holder *Member) Reason {
	switch {
	case holder != nil && o.heldByStranger():
		return ReasonStranger
	case !o.Ours && holder != nil && holder.MayStay():
		return ReasonLost
	case holder == nil && !o.Record.Held():
		return ReasonFirst
	case holder == nil && o.heldByStranger():
		return ReasonStranger
	case holder == nil && hasIdentity(o.Members, o.Record.Holder.Identity):
		return ReasonReplaced
	case holder == nil:
		return ReasonGone
	case holder.Terminal:
		return ReasonTerminal
	case holder.Refused != nil || holder.Identity != o.Record.Holder.Identity:
		return ReasonRenamed
	case holder.Terminating:
		return ReasonTerminating
	case holder.Excluded:
		return ReasonExcluded
	default:
		return ReasonNotReady
	}
}

func hasIdentity(members []Member, name string) bool {
	for i := range members {
		if members[i].Identity == name {
			return true
		}
	}
	return false
}

// contention says who keeps zen-lead from writing the record.
type contention struct {
	reason, holder string
	// wait is when to look again; 0 if only an event can change anything.
	wait time.Duration
}

// contentionOf finds out whether the record is somebody else's. A record without term-base is never taken over, held or
// not, unless this pool made the Lease. One of ours that a stranger took (a client-go elector of the same name keeps
// base and labels) is taken back when it was not renewed for its duration: it must not leave the pool without leader
// for ever.
func contentionOf(o Observed) *contention {
	if !o.Ours && !o.made() {
		return &contention{reason: v1alpha1.ReasonForeignRecord, holder: o.Record.Holder.Identity}
	}
	if !o.heldByStranger() {
		return nil
	}
	wait := term.Wait(o.Record.Lasts()) - o.LeaseUnchangedFor
	if wait <= 0 {
		return nil
	}
	return &contention{reason: v1alpha1.ReasonForeignHolder, holder: o.Record.Holder.Identity, wait: wait}
}

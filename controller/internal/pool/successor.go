package pool

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// ask is a successor that a Lease names, or named last, in a term, as one process saw it. The holder ends its work and gives up, and
// the successor takes the Lease; both are free not to.
type ask struct {
	successor string
	term      term.Number
	// since is when this process first saw it so, and lasted for how long it has.
	since  time.Time
	lasted time.Duration
}

// note notes that the Lease names a successor.
func (a *ask) note(successor string, t term.Number, now time.Time) {
	if a.successor != successor || a.term != t {
		*a = ask{successor: successor, term: t, since: now}
	}
}

// hear notes whom a Lease names as successor, and what became of whom it named before: a member that did not take the lead is not
// asked again by itself, as perhaps nothing of it contends.
func (m *memory) hear(o *Observed, now time.Time) {
	r := o.Record
	if r.Term() != m.term || m.termSince.IsZero() {
		m.term, m.termSince = r.Term(), now
	}
	o.TermFor = now.Sub(m.termSince)
	_, requested := o.requested()
	switch {
	case !o.participates():
		m.ask, m.declined = ask{}, nil
	case r.Successor != "":
		m.ask.note(r.Successor, r.Term(), now)
	case m.ask.successor != "" && !requested:
		if i := memberOf(o.Members, m.ask.successor); i >= 0 && r.Holder.Identity != m.ask.successor {
			m.decline(o.Members[i].UID)
		}
		m.ask = ask{}
	}
	o.Asked = m.ask
	o.Asked.lasted = now.Sub(m.ask.since)
	for i := range o.Members {
		if string(o.Members[i].UID) == r.Holder.UID {
			delete(m.declined, o.Members[i].UID)
		}
		o.Members[i].Declined = m.declined[o.Members[i].UID]
	}
}

func memberOf(members []Member, identity string) int {
	return slices.IndexFunc(members, func(m Member) bool { return m.Identity == identity })
}

// patience is for how long a successor may stay named before it is given up: its holder needs no longer than one duration to end,
// whatever it does, and the wait after that another one.
func (o *Observed) patience() time.Duration {
	d, err := kube.Durations(o.Policy)
	if err != nil {
		d = term.DefaultDurations
	}
	return 2 * max(d.Lease, o.Record.Duration)
}

// move is what is done about who is to lead next.
type move struct {
	// name is what the Lease is to name as successor; nil leaves it.
	name *string
	// handover is the request for one, nil if there is none, and answered is set where it is to be taken off.
	handover *handover
	answered *string
	// verify is the pod to look at first, "" for none.
	verify string
	wait   time.Duration
}

// move says whom the Lease is to name as successor. leader is who leads now, nil for nobody.
func (o *Observed) move(leader *Member, contended *contention) move {
	if to := o.targetName(); to != "" && !slices.Contains(o.Verified, to) {
		return move{verify: to} // people ask right after they did something to that pod
	}
	m := move{handover: handoverOf(o, contended)}
	if m.handover == nil {
		m.handover = o.takenOff()
	} else if o.judge(m.handover, leader); m.handover.pending == "" {
		m.answered = &m.handover.to
	}
	if o.Lease == nil || !o.Ours || contended != nil {
		return m
	}
	wanted := ""
	switch {
	case m.handover != nil && m.handover.pending != "":
		wanted = m.handover.target.Identity
	case m.handover == nil && leader != nil && !o.Policy.Spec.Paused:
		c := o.preferred(leader)
		if m.wait = c.wait; c.leader.UID != leader.UID {
			wanted = c.leader.Identity
		}
	}
	switch named := o.Record.Successor; {
	case wanted != "" && named != wanted && (m.handover != nil || !o.stands(named)):
		m.name, m.wait = &wanted, sooner(m.wait, o.patience())
	case named == "":
	case m.handover != nil && m.handover.pending == "" && o.isOf(named, m.handover), !o.stands(named):
		m.name = new("")
	default:
		m.wait = sooner(m.wait, o.patience()-o.Asked.lasted)
	}
	return m
}

// isOf says whether the Lease names its successor for the sake of a request.
func (o *Observed) isOf(named string, h *handover) bool {
	m := memberNamed(o.Members, h.to)
	return named == h.to || m != nil && named == m.Identity
}

// stands says whether a successor that the Lease names may still come.
func (o *Observed) stands(named string) bool {
	i := memberOf(o.Members, named)
	return i >= 0 && o.Members[i].Candidate() && !o.Policy.Spec.Paused && named != o.Record.Holder.Identity && !o.unanswered()
}

// unanswered says whether the Lease has named its successor for too long.
func (o *Observed) unanswered() bool {
	return o.Record.Successor != "" && o.Asked.successor == o.Record.Successor && o.Asked.lasted >= o.patience()
}

// judge says what becomes of a request that is not refused out of hand.
func (o *Observed) judge(h *handover, leader *Member) {
	if h.target == nil || leader != nil && leader.UID == h.target.UID {
		return
	}
	to, r := h.target.Identity, o.Record
	asked := o.Asked.successor == to
	switch {
	case !o.Ours:
		h.refuse("nobody has led yet: a process that contends (lead.Run) can be asked")
	case asked && r.Successor == "" && r.Term() > o.Asked.term:
		h.refuse(fmt.Sprintf("it was named, and did not take the lead; %s did", r.Holder.Identity))
	case asked && r.Successor == "":
		h.refuse("it is named on the Lease no more")
	case asked && o.unanswered() && r.Held():
		h.refuse(fmt.Sprintf("%s did not give the lead up within %v", r.Holder.Identity, o.patience()))
	case asked && o.unanswered():
		h.refuse(fmt.Sprintf("it did not take the lead within %v", o.patience()))
	case r.Held():
		h.pending = fmt.Sprintf("leads once the work of %s has ended", r.Holder.Identity)
	default:
		h.pending = "leads once it takes the Lease, which nobody holds"
	}
}

func (h *handover) refuse(why string) { h.target, h.refused = nil, why }

// takenOff is a request that somebody took off before it was answered, nil if there is none.
func (o *Observed) takenOff() *handover {
	c := meta.FindStatusCondition(o.Policy.Status.Conditions, v1alpha1.ConditionHandover)
	if c == nil || c.Reason != v1alpha1.ReasonPending {
		return nil
	}
	return &handover{to: cmp.Or(o.Asked.successor, o.Record.Successor), refused: "the request was taken off"}
}

// preferred says who should lead rather than the leader, by its node and the policy's weights. That it is not ready moves no leader
// of this mode, nor does a node of which nothing is heard: whoever renews runs, and whoever does not is replaced.
func (o *Observed) preferred(leader *Member) choice {
	willing := *o
	willing.Members = slices.DeleteFunc(slices.Clone(o.Members), func(m Member) bool { return m.Declined && m.UID != leader.UID })
	best := bestOf(willing.Members)
	switch {
	case best == nil || leader.Standing.Lost():
		return choice{leader: leader}
	case leader.Excluded:
		if wait, _ := damped(o); wait > 0 {
			return choice{leader: leader, wait: wait}
		}
		return choice{leader: best}
	}
	return stay(&willing, leader, best)
}

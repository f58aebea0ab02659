package pool

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestARecordThatSomethingContradictsIsReadAgain(t *testing.T) {
	baseless := justMade(statusNames(observed("", member("a", unready)), "a", 101))
	baseless.Confirmed = false
	for name, tc := range map[string]struct {
		observed Observed
		reread   bool
	}{
		"the holder is a follower of that very term: it was released since": {
			observed("a", member("a", role("follower", 101)), member("b")), true},
		"the holder is a follower of an earlier term: it was elected a moment ago": {
			observed("a", member("a", role("follower", 90)), member("b")), false},
		"a slice of that very term is empty": {
			emptied(sliceNames(observed("a", member("a", role("leader", 101))), "a", 101)), true},
		"a slice of an earlier term is empty": {
			emptied(sliceNames(observed("a", member("a", role("leader", 101))), "a", 90)), false},
		"the Lease was just made, as it was read, and yet somebody led": {baseless, true},
	} {
		t.Run(name, func(t *testing.T) {
			if p := Decide(tc.observed, epoch); p.Reread != tc.reread {
				t.Errorf("reread %v, want %v", p.Reread, tc.reread)
			}
			tc.observed.Live, tc.observed.Confirmed = true, true
			if p := Decide(tc.observed, epoch); p.reads() {
				t.Errorf("what was read is read again: %+v", p)
			}
		})
	}
}

// emptied takes the endpoints off the slices.
func emptied(o Observed) Observed {
	for i := range o.Slices {
		o.Slices[i].Endpoints, o.Slices[i].AddressType = nil, "IPv4"
	}
	return o
}

func TestWhoLedLeadsNoMoreWhenTheLeaseWasMadeAgainAndNobodyMayLead(t *testing.T) {
	o := observed("a", member("a"), member("b", unready))
	carryOut(&o, Decide(o, epoch))
	carryOut(&o, Decide(o, epoch))
	o = justMade(o)
	o.Members[0].Excluded = true
	p := Decide(o, epoch)
	if p.Record != nil || len(p.Roles) != 1 || p.Roles[0].Member.Name != "a" || p.Roles[0].Role != "follower" || p.Roles[0].Term != 101 {
		t.Errorf("record %+v, roles %+v", p.Record, p.Roles)
	}
	if len(p.Slices) != 1 || len(p.Slices[0].Endpoints) != 0 {
		t.Errorf("slices %+v, want one, empty", p.Slices)
	}
	carryOut(&o, p)
	if p = Decide(o, epoch); p.acts() {
		t.Errorf("it wants more: %+v", p)
	}
}

func TestARoleThatNobodyEverHadIsTakenOff(t *testing.T) {
	o := justMade(observed("", member("a", unready), member("b", unready, role("leader", 0))))
	p := Decide(o, epoch)
	if len(p.Roles) != 1 || p.Roles[0].Member.Name != "b" || p.Roles[0].Role != "" {
		t.Errorf("roles %+v, want b's taken off", p.Roles)
	}
}

func TestWhomThisProcessReplacedIsMarkedUntilItIsSeenMarked(t *testing.T) {
	m := newMemory()
	m.unmarked["ua"], m.unmarked["ub"], m.unmarked["uc"] = 101, 101, 101
	m.prune([]Member{member("a", role("follower", 50)), member("b", role("follower", 101))})
	if len(m.unmarked) != 1 || m.unmarked["ua"] != 101 {
		t.Fatalf("unmarked %v, want a alone: b is marked, c is gone", m.unmarked)
	}
	o := observed("d", member("a", role("follower", 50)), member("d", role("leader", 101)))
	o.Unmarked = []types.UID{"ua"}
	if p := Decide(o, epoch); len(p.Roles) != 1 || p.Roles[0].Member.Name != "a" || p.Roles[0].Term != 101 {
		t.Errorf("roles %+v, want a marked with 101", p.Roles)
	}
}

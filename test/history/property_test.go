package history_test

import (
	"testing"

	"github.com/kube-zen/zen-lead/test/history"
)

// TestASoundControllerIsNeverBlamed: whatever the interleaving, what keeps the contract violates nothing.
func TestASoundControllerIsNeverBlamed(t *testing.T) {
	for seed := range uint64(300) {
		if err := history.Check(newWorld(seed, sound).run(400)).Err(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestEveryBugIsCaught: the same controller with one mistake is found out, by the invariant that the mistake breaks.
func TestEveryBugIsCaught(t *testing.T) {
	for b, want := range map[bug]history.Invariant{
		grantsWithoutNewTerm:  history.NewHolderNewTerm,
		marksBlindly:          history.PodTermGrows,
		marksBeforeTheLease:   history.RoleFollowsLease,
		putsSlicesBlindly:     history.SliceTermGrows,
		addsEndpoints:         history.SliceNamesOne,
		restartsTerms:         history.NewHolderNewTerm,
		movesTheBase:          history.LeaseBaseFixed,
		createsHeld:           history.LeaseCreatedEmpty,
		takesOverHeldForeign:  history.LeaseCreatedEmpty,
		marksTheNameNotTheUID: history.RoleFollowsLease,
	} {
		t.Run(string(b), func(t *testing.T) {
			const worlds = 50
			caught := 0
			for seed := range uint64(worlds) {
				for _, v := range history.Check(newWorld(seed, b).run(400)).Violations {
					if v.Invariant == want {
						caught++
						break
					}
				}
			}
			t.Logf("caught in %d of %d histories", caught, worlds)
			// A late write hurts only if it crosses a move: some bugs are rare. The seeds are fixed, so this is no chance.
			if caught < worlds/10 {
				t.Errorf("%s was violated in %d of %d histories only", want, caught, worlds)
			}
		})
	}
}

// TestTwoLeadersOfOneTermAreSeen: equal terms must be seen on the pods too, not only on the Lease.
func TestTwoLeadersOfOneTermAreSeen(t *testing.T) {
	for seed := range uint64(50) {
		for _, v := range history.Check(newWorld(seed, grantsWithoutNewTerm).run(400)).Violations {
			if v.Invariant == history.OneLeaderPerTerm {
				return
			}
		}
	}
	t.Error("no history showed two leaders of one term")
}

// FuzzSoundController looks for an interleaving in which the model blames a controller that keeps the contract.
func FuzzSoundController(f *testing.F) {
	f.Add(uint64(1), uint16(100))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		if err := history.Check(newWorld(seed, sound).run(int(steps))).Err(); err != nil {
			t.Fatal(err)
		}
	})
}

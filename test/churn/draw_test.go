package churn

import (
	"math/rand/v2"
	"testing"
)

func TestOneSeedDrawsOneSequence(t *testing.T) {
	l, err := newLoad(api, Options{Namespace: "any"}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	draws := func(seed uint64) []Action {
		w := &worker{load: l, rand: rand.New(rand.NewPCG(seed, 0))}
		var all []Action
		for range 1000 {
			all = append(all, w.draw())
		}
		return all
	}
	one, again, other := draws(1), draws(1), draws(2)
	drawn, differ := map[Action]bool{}, false
	for i := range one {
		if one[i] != again[i] {
			t.Fatalf("draw %d: %s and %s with one seed", i, one[i], again[i])
		}
		differ = differ || one[i] != other[i]
		drawn[one[i]] = true
	}
	if !differ {
		t.Error("two seeds drew the same")
	}
	for a := range l.Weights {
		if !drawn[a] {
			t.Errorf("%s was never drawn", a)
		}
	}
}

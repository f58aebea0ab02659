package term_test

import (
	"testing"

	"github.com/kube-zen/zen-lead/core/term"
)

func TestGrant(t *testing.T) {
	a, b := term.Holder{Identity: "a", UID: "1"}, term.Holder{Identity: "b", UID: "2"}
	for name, tc := range map[string]struct {
		from  term.Record
		to    term.Holder
		known term.Number
		want  term.Record
	}{
		"a new record takes its base from the version that it replaces": {
			term.Record{Version: 70}, a, 0, term.Record{Version: 70, Base: 70, Transitions: 1, Holder: a}},
		"a new record starts above the terms of a lost one": {
			term.Record{Version: 70}, a, 900, term.Record{Version: 70, Base: 901, Transitions: 1, Holder: a}},
		"a known term does not move the base of an old record": {
			term.Record{Version: 70, Base: 5, Transitions: 3, Holder: a}, b, 900, term.Record{Version: 70, Base: 5, Transitions: 4, Holder: b}},
		"a holder of the same identity and another UID begins a term": {
			term.Record{Base: 5, Transitions: 3, Holder: a}, term.Holder{Identity: "a", UID: "9"}, 0,
			term.Record{Base: 5, Transitions: 4, Holder: term.Holder{Identity: "a", UID: "9"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.from.Grant(tc.to, tc.known); got != tc.want {
				t.Errorf("Grant() = %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestEmptyKeepsTheTerm(t *testing.T) {
	r := term.Record{Version: 70}.Grant(term.Holder{Identity: "a"}, 0)
	e := r.Empty()
	if e.Held() || e.Term() != r.Term() {
		t.Errorf("Empty() = %+v, want no holder and term %d", e, r.Term())
	}
}

func TestValid(t *testing.T) {
	for n, want := range map[term.Number]bool{-1: false, 0: false, 1: true, term.Max: true, term.Max + 1: false, 9e18: false} {
		if n.Valid() != want {
			t.Errorf("Number(%d).Valid() = %v", n, !want)
		}
	}
}

// FuzzTermsOnlyGrow replays a life of one pool whose record is granted, emptied, lost and made again. Whatever the
// order, no grant may repeat or lower a term.
func FuzzTermsOnlyGrow(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0, 0})
	f.Add([]byte{2, 2, 0, 3, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		version := int64(1)
		var r term.Record
		var last term.Number
		for i, s := range steps {
			version += int64(s>>2) + 1
			r.Version = version
			switch s & 3 {
			case 0, 1:
				r = r.Grant(term.Holder{Identity: string(rune('a' + i%3))}, 0)
				if r.Term() <= last {
					t.Fatalf("step %d: term %d after %d", i, r.Term(), last)
				}
				last = r.Term()
			case 2:
				if e := r.Empty(); e.Term() != r.Term() {
					t.Fatalf("step %d: emptying moved the term", i)
				}
				r = r.Empty()
			case 3: // lost with everything that remembered its term
				version++
				r = term.Record{Version: version}
			}
		}
	})
}

package api

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// follows is one follower of web in this process, and what it is told: "b 6" or "beat".
func (r *rig) follows() *following {
	f := r.s.board.Newest(web)
	return &following{service: r.s, pool: web, frame: f, told: f.Revision}
}

// Between that a frame is taken and that it is looked who is behind, others are published.
func TestNobodyIsToldWhatIsOlderThanWhatItKnows(t *testing.T) {
	r := newQuietRig()
	f := r.follows()
	r.leads("b", 7)
	f.told = r.s.board.Newest(web).Revision // of another replica, that was quicker
	r.leads("c", 8)
	var got []event
	f.begin(func(e event, _ error) bool {
		got = append(got, e)
		return true
	})
	if len(got) != 1 || got[0].frame == nil || got[0].frame.State.Term != 8 || f.told != got[0].frame.Revision {
		t.Errorf("told %+v", got)
	}
}

func TestNobodyIsToldAgainWhatWasPublishedMeanwhile(t *testing.T) {
	r := newQuietRig()
	f := r.follows()
	r.leads("b", 7)
	f.told = r.s.board.Newest(web).Revision
	var got []event
	f.begin(func(e event, _ error) bool {
		got = append(got, e)
		return true
	})
	if len(got) != 1 || got[0].frame != nil {
		t.Errorf("told %+v", got)
	}
}

// A reader that makes no room is late: what it is told says so, and no sign of life says that it is not.
func TestWhatWaitedSaysHowLong(t *testing.T) {
	for range 30 { // what is told next is chosen at random, if it can be chosen
		synctest.Test(t, func(t *testing.T) {
			r := newQuietRig()
			var terms []int64
			var ages []time.Duration
			r.follows().run(t.Context(), func(e event, err error) bool {
				if e.frame == nil {
					switch len(terms) {
					case 0: // b, and then c, while this is read
						r.leads("b", 6)
						time.Sleep(beatEvery + 5*time.Second)
						r.leads("c", 7)
						time.Sleep(beatEvery - late)
						return true
					case 1:
						t.Errorf("a sign of life, while a change waits: %v", err)
						return false
					}
					return false
				}
				terms, ages = append(terms, e.frame.State.Term), append(ages, e.age)
				if e.first != (e.age > 0) {
					t.Errorf("what is told all the same says that it waited %v", e.age)
				}
				time.Sleep(beatEvery)
				return true
			})
			want := []time.Duration{2*beatEvery + 5*time.Second - late, 2*beatEvery - late}
			if !slices.Equal(terms, []int64{6, 7}) || !slices.Equal(ages, want) {
				t.Errorf("told of terms %v, of ages %v; want %v", terms, ages, want)
			}
		})
	}
}

// What is told at once is the same for all who follow.
func TestWhatDidNotWaitIsToldWithoutAnAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newQuietRig()
		time.AfterFunc(time.Second, func() { r.leads("b", 6) })
		r.follows().run(t.Context(), func(e event, _ error) bool {
			if e.frame == nil || e.first || e.age != 0 {
				t.Errorf("told %+v", e)
			}
			return false
		})
	})
}

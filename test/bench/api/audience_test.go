package api

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func leads(name string) *zenleadv1.LeaderState {
	return &zenleadv1.LeaderState{Leader: &zenleadv1.Leader{Name: name}}
}

func TestAChangeIsOverWhenAllWereTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAudience(3)
		c := a.expect("web-0")
		sent := time.Now()
		tell := func(i int, s *zenleadv1.LeaderState, after time.Duration) { a.hear(i)(s, sent.Add(after)) }
		tell(0, leads("web-0"), 1*time.Millisecond)           // what it was is no news
		tell(0, &zenleadv1.LeaderState{}, 2*time.Millisecond) // nobody is no successor
		tell(0, leads("web-1"), 30*time.Millisecond)
		tell(0, leads("web-1"), 40*time.Millisecond) // told once more, of another address
		tell(2, leads("web-1"), 10*time.Millisecond)
		select {
		case <-c.all:
			t.Fatal("one was not told")
		default:
		}
		go tell(1, leads("web-1"), 20*time.Millisecond)
		if missed, err := a.await(t.Context(), c); missed != 0 || err != nil {
			t.Errorf("%d missed it, %v", missed, err)
		}
		want := []time.Duration{25 * time.Millisecond, 15 * time.Millisecond, 5 * time.Millisecond}
		if got := c.latencies(5 * time.Millisecond); !slices.Equal(got, want) {
			t.Errorf("latencies %v, want %v", got, want)
		}
		if got := a.events.Load(); got != 6 {
			t.Errorf("%d events", got)
		}
		if err := c.check("web-1"); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoIsNotToldHasMissedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAudience(2)
		c := a.expect("web-0")
		a.hear(1)(leads("web-1"), time.Now())
		if missed, err := a.await(t.Context(), c); missed != 1 || err != nil {
			t.Errorf("%d missed it, %v", missed, err)
		}
		if got := c.latencies(0); len(got) != 1 {
			t.Errorf("latencies %v: who was not told has none", got)
		}
	})
}

func TestWhoIsToldOfAnotherIsNoticed(t *testing.T) {
	a := newAudience(2)
	c := a.expect("web-0")
	a.hear(0)(leads("web-1"), time.Now())
	if c.check("web-2") == nil {
		t.Error("the Lease names another, and that was not noticed")
	}
	a.hear(1)(leads("web-2"), time.Now())
	if c.check("web-1") == nil {
		t.Error("two were told of two, and that was not noticed")
	}
}

func TestAStreamThatEndsIsAnError(t *testing.T) {
	a := newAudience(1)
	c := a.expect("web-0")
	ended := errors.New("dropped")
	a.end(ended)
	a.end(errors.New("another"))
	if _, err := a.await(t.Context(), c); !errors.Is(err, ended) {
		t.Error(err)
	}
}

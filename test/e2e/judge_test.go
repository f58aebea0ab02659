package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/history"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func from(uid string, sent int) Answer {
	return Answer{Sent: at(sent), Received: at(sent + 1), Pod: "pod-" + uid, UID: uid}
}

func claiming(a Answer, term int64) Answer {
	a.Leads, a.Term = true, term
	return a
}

func failed(sent int) Answer {
	return Answer{Sent: at(sent), Received: at(sent + 500), Err: "refused"}
}

func TestJudge(t *testing.T) {
	reigns := []Reign{{Term: 7, UID: "a", From: at(-1000), To: at(100)}, {Term: 8, UID: "b", From: at(100)}}
	for name, c := range map[string]struct {
		answers []Answer
		want    Verdict
		wrong   int
	}{
		"the leader answers, then the next": {
			answers: []Answer{from("a", 0), from("a", 80), from("b", 120), from("b", 200)},
			want:    Verdict{Answers: 4, Gap: 80 * time.Millisecond},
		},
		"failures make the gap between the answers around them": {
			answers: []Answer{from("a", 0), failed(20), failed(40), from("b", 150), from("b", 200)},
			want:    Verdict{Answers: 3, Failed: 2, Gap: 150 * time.Millisecond},
		},
		"silence at the end is a gap": {
			answers: []Answer{from("a", 0)},
			want:    Verdict{Answers: 1, Gap: 200 * time.Millisecond},
		},
		"nobody ever answers": {
			answers: []Answer{failed(0)},
			want:    Verdict{Failed: 1, Gap: 200 * time.Millisecond},
		},
		"lines come in the order of the answers": {
			answers: []Answer{from("b", 200), from("a", 0), from("b", 110)},
			want:    Verdict{Answers: 3, Gap: 110 * time.Millisecond},
		},
		"the old leader is still asked for a moment": {
			answers: []Answer{from("a", 0), from("a", 130), from("b", 150), from("b", 200)},
			want:    Verdict{Answers: 4, Gap: 130 * time.Millisecond, Late: 30 * time.Millisecond},
		},
		"a pod that never led": {
			answers: []Answer{from("a", 0), from("c", 50), from("b", 150), from("b", 200)},
			want:    Verdict{Answers: 4, Gap: 100 * time.Millisecond}, wrong: 1,
		},
		"two leaders of one term": {
			answers: []Answer{claiming(from("a", 0), 7), claiming(from("b", 110), 7), claiming(from("b", 200), 8)},
			want:    Verdict{Answers: 3, Gap: 110 * time.Millisecond}, wrong: 1,
		},
		"two leaders of two terms": {
			answers: []Answer{claiming(from("a", 0), 7), claiming(from("b", 110), 8), claiming(from("a", 111), 7), claiming(from("b", 200), 8)},
			want:    Verdict{Answers: 4, Gap: 110 * time.Millisecond, Late: 11 * time.Millisecond},
		},
		"what was asked outside the window does not count": {
			answers: []Answer{failed(-10), from("a", 0), from("b", 200), failed(201)},
			want:    Verdict{Answers: 2, Gap: 200 * time.Millisecond},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Judge(c.answers, reigns, at(0), at(200))
			if got.Answers != c.want.Answers || got.Failed != c.want.Failed || got.Gap != c.want.Gap || got.Late != c.want.Late || len(got.Wrong) != c.wrong {
				t.Errorf("%+v, want %+v and %d wrong", got, c.want, c.wrong)
			}
		})
	}
}

func TestErrorsAreToldOnce(t *testing.T) {
	other := failed(30)
	other.Err = "timeout"
	v := Judge([]Answer{failed(10), failed(20), other}, nil, at(0), at(40))
	if v.Failed != 3 || !slices.Equal(v.Errors, []string{"refused", "timeout"}) {
		t.Errorf("%d failed: %q", v.Failed, v.Errors)
	}
}

// A pod that leads next may answer before the watch has told of it, but not long before.
func TestAnAnswerBeforeTheReign(t *testing.T) {
	reigns := []Reign{{Term: 8, UID: "b", From: at(1000)}}
	if v := Judge([]Answer{from("b", 900)}, reigns, at(900), at(900)); len(v.Wrong) != 0 {
		t.Errorf("shortly before: %v", v.Wrong)
	}
	if v := Judge([]Answer{from("b", 500)}, reigns, at(500), at(500)); len(v.Wrong) != 1 {
		t.Errorf("long before: %v", v.Wrong)
	}
}

func TestReigns(t *testing.T) {
	lease := func(ms int, kind history.Type, uid string, transitions int32) history.Event {
		return history.Event{
			Received: at(ms), Type: kind, Kind: history.KindLease, Namespace: "default", Name: "web",
			Lease: history.Lease{Holder: "pod-" + uid, HolderUID: uid, Base: 7, Transitions: transitions},
		}
	}
	other := lease(5, history.Modified, "x", 9)
	other.Name = "other"
	got := Reigns([]history.Event{
		lease(0, history.Added, "", 0),
		lease(10, history.Modified, "a", 0),
		other,
		lease(20, history.Modified, "a", 0), // a write that changes nothing here
		lease(30, history.Modified, "", 0),  // released
		lease(40, history.Modified, "b", 1),
		lease(50, history.Deleted, "b", 1),
	}, "default", "web")
	want := []Reign{
		{Term: 7, Pod: "pod-a", UID: "a", From: at(10), To: at(30)},
		{Term: 8, Pod: "pod-b", UID: "b", From: at(40), To: at(50)},
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

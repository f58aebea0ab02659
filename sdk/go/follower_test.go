package zenlead

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
)

func TestASilentStreamIsLeftAfterThreeHeartbeats(t *testing.T) {
	for name, test := range map[string]struct {
		first  scene
		within [2]time.Duration
	}{
		"that never said anything": {stays(), [2]time.Duration{30 * time.Second, 31 * time.Second}},
		"that has said something": {func(ctx context.Context, send testserver.Send) error {
			<-time.After(20 * time.Second)
			return stays(heartbeat(0, false))(ctx, send)
		}, [2]time.Duration{50 * time.Second, 51 * time.Second}},
		"but not one that beats": {beats(event(led("a", 1), "r1")), [2]time.Duration{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var p *play
			each(t, func(*testing.T) testserver.Answers {
				p = &play{scenes: []scene{test.first, beats()}}
				return testserver.Answers{Watch: p.watch}
			}, func(w *world) {
				_, _ = w.watched(10 * time.Minute)
				_, opened := p.streams()
				var left time.Duration
				if len(opened) > 1 {
					left = opened[1].Sub(opened[0])
				}
				if left < test.within[0] || left > test.within[1] {
					w.Errorf("left after %v", left)
				}
			})
		})
	}
}

func TestALoopMayTakeItsTime(t *testing.T) {
	var p *play
	each(t, func(*testing.T) testserver.Answers {
		p = &play{scenes: []scene{beats(event(led("a", 1), "r1"), event(led("b", 2), "r2"))}}
		return testserver.Answers{Watch: p.watch}
	}, func(w *world) {
		ctx, cancel := context.WithTimeout(w.Context(), 5*time.Minute)
		defer cancel()
		for _, err := range w.client.Watch(ctx, "web") {
			if err != nil {
				w.Error(err)
			}
			<-time.After(2 * time.Minute)
		}
		if resumes, _ := p.streams(); len(resumes) != 1 {
			w.Errorf("%d streams", len(resumes))
		}
	})
}

func TestReconnectingWaitsLongerAndLonger(t *testing.T) {
	for name, fails := range map[string]scene{
		"where nobody is there":                   sends(testserver.Error("Unavailable", "no")),
		"where streams end as soon as they began": sends(nil, event(led("a", 1), "r1")),
	} {
		t.Run(name, func(t *testing.T) {
			var p *play
			each(t, func(*testing.T) testserver.Answers {
				scenes := slices.Repeat([]scene{fails}, 20)
				p = &play{scenes: append(scenes, after(20*time.Second, sends(nil), event(led("a", 1), "r1")), beats())}
				return testserver.Answers{Watch: p.watch}
			}, func(w *world) {
				_, _ = w.watched(10 * time.Minute)
				_, opened := p.streams()
				if len(opened) != 22 {
					w.Fatalf("%d streams", len(opened))
				}
				most := 100 * time.Millisecond
				for i := range 20 {
					if got := opened[i+1].Sub(opened[i]); got < most/2 || got > most {
						w.Errorf("after %d failures it waited %v", i+1, got)
					}
					most = min(2*most, 10*time.Second)
				}
				if got := opened[21].Sub(opened[20]) - 20*time.Second; got > 100*time.Millisecond {
					w.Errorf("after a success it waited %v", got)
				}
			})
		})
	}
}

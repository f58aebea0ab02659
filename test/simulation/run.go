package simulation

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kube-zen/zen-lead/test/history"
)

// Outcome of one schedule.
type Outcome struct {
	Figures *Figures
	// Events are all writes, in order.
	Events []history.Event
	// Err says what was wrong, nil if nothing was.
	Err error
}

// Run runs the schedule of one seed. trace, unless it is nil, is told all that happens.
func Run(t *testing.T, seed uint64, trace func(string)) Outcome {
	t.Helper()
	out := Outcome{Figures: &Figures{}}
	synctest.Test(t, func(*testing.T) {
		w := newWorld(seed, out.Figures)
		w.trace = trace
		err := w.play()
		report := history.Check(w.events)
		out.Figures.count(Schedules, 1)
		out.Figures.count(Terms, report.Terms)
		out.Figures.MostTerms = report.Terms
		out.Figures.count(Moves, report.Moves)
		out.Events = w.events
		out.Err = errors.Join(w.failed, err, report.Err())
		if late := final(w.events); late != nil && out.Figures.Count(Kills)+out.Figures.Count("lease deleted") == 0 {
			out.Figures.count(LateLeaders, 1)
			w.tracef("late: %v", late)
		}
		if out.Err != nil {
			out.Err = fmt.Errorf("seed %d: %w", seed, out.Err)
		}
	})
	return out
}

// play runs the schedule.
func (w *world) play() error {
	w.pools = 1 + w.dice.intN(3)
	w.replicas = 1 + w.dice.intN(3)
	if err := w.furnish(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for i := range w.replicas {
		w.launch(i)
		time.Sleep(w.dice.between(time.Millisecond, time.Second))
	}
	for range 8 + w.dice.intN(32) {
		time.Sleep(w.dice.between(200*time.Microsecond, w.weather().hurry))
		w.happen()
	}
	defer w.end()
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.keepLeaders(); err != nil {
		return err
	}
	return w.followed()
}

// furnish makes the pools. Those of a restored cluster remember terms of one whose versions were larger.
func (w *world) furnish() error {
	ctx := context.Background()
	if err := w.createNodes(); err != nil {
		return err
	}
	for n := range w.pools {
		p := w.newPolicy(poolName(n))
		if err := w.people.Create(ctx, p); err != nil {
			return err
		}
		if w.restored {
			p.Status.Term = w.server.Version() + int64(w.dice.intN(5000))
			if err := w.people.Status().Update(ctx, p); err != nil {
				return err
			}
		}
	}
	w.mu.Lock()
	w.begun = true
	w.mu.Unlock()
	for range w.pools * w.dice.intN(4) {
		w.createPod()
	}
	return nil
}

// end stops all that runs.
func (w *world) end() {
	w.mu.Lock()
	processes := w.processes
	w.mu.Unlock()
	for _, p := range processes {
		if p != nil {
			p.kill()
		}
	}
	time.Sleep(time.Minute) // what is on its way ends
}

package lead

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

// process is one that contends, in a world.
type process struct {
	w    *world
	name string
	// rate is how fast its clock runs.
	rate float64
	// deaf to its end: the function ignores its context.
	ignores bool
	reports bool

	mu          sync.Mutex
	dead        bool
	pausedUntil time.Time
	resumed     time.Time
	jumped      time.Duration
	cut, deaf   bool
	cancel      context.CancelFunc
	stopped     chan struct{}
	c           *contender
	err         error
	steps       dice
}

// start has a process contend. fn is what it does in a term.
func (w *world) begin(name string, p term.Process, d term.Durations, rate float64) *process {
	q := &process{w: w, name: name, rate: rate, stopped: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	own := func(stream uint64) dice {
		id := fnv.New64a()
		_, _ = id.Write([]byte(p.ID))
		return newDice(w.seed, id.Sum64()+stream)
	}
	s := &simulated{world: w, p: q, requests: own(1), watch: own(2)}
	q.steps = own(3)
	h := term.Holder{Identity: name, UID: "uid-" + name, Process: p}
	q.c = newContender(s, q, h, slog.New(slog.NewTextHandler(w.out, nil)).With("process", name+"/"+p.ID))
	q.c.exit = func() {
		w.note("exited")
		q.kill()
	}
	if q.reports = q.steps.chance(0.3); q.reports {
		q.c.overrun = func(Term) { w.note("overran") }
	}
	q.c.rule(term.Pool{Durations: d, Candidates: 3}, false)
	go s.Follow(ctx, q.c.see, nil)
	go func() {
		defer close(q.stopped)
		q.err = q.c.run(ctx, q.work)
	}()
	return q
}

// kill ends the process without a word.
func (q *process) kill() {
	q.mu.Lock()
	q.dead = true
	q.mu.Unlock()
	q.w.referee.gone(q)
}

func (q *process) pause(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if until := time.Now().Add(d); until.After(q.pausedUntil) {
		q.pausedUntil, q.resumed = until, until
	}
}

// excused says whether the process stands still, or has only just gone on: it cannot have seen anything yet.
func (q *process) excused() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dead || !time.Now().After(q.resumed)
}

func (q *process) isCut() bool          { q.mu.Lock(); defer q.mu.Unlock(); return q.cut }
func (q *process) isDeaf() bool         { q.mu.Lock(); defer q.mu.Unlock(); return q.deaf }
func (q *process) isDeafToItsEnd() bool { q.mu.Lock(); defer q.mu.Unlock(); return q.ignores }

func (q *process) set(cut, deaf bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cut, q.deaf = cut, deaf
}

// gate holds up whatever the process would do while it stands still. A dead one stands still until the end of the world.
func (q *process) gate() {
	for {
		q.mu.Lock()
		d, dead := time.Until(q.pausedUntil), q.dead
		q.mu.Unlock()
		switch {
		case dead:
			<-q.w.end
			return
		case d <= 0:
			return
		}
		q.w.sleep(context.Background(), d)
		select {
		case <-q.w.end:
			return
		default:
		}
	}
}

// now is the process's clock.
func (q *process) now() term.Instant {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := time.Duration(float64(time.Since(q.w.start)) * q.rate)
	return term.Instant{Mono: e, Wall: q.w.start.Add(e + q.jumped).Round(0)}
}

func (q *process) after(d time.Duration) (<-chan time.Time, func() bool) {
	c := make(chan time.Time, 1)
	t := time.AfterFunc(time.Duration(float64(d)/q.rate)+2, func() {
		q.gate()
		c <- time.Now()
	})
	return c, t.Stop
}

// work is the function of a term: steps, before each of which it asks whether the term is valid.
func (q *process) work(ctx context.Context, t Term) error {
	q.w.referee.begins(q, t)
	defer q.w.referee.ends(q, t)
	for {
		q.gate()
		if q.w.isOver() {
			return nil
		}
		if t.Err() == nil {
			q.w.referee.step(q, t)
		}
		if ctx.Err() != nil {
			q.w.referee.told(ctx, q)
			if !q.isDeafToItsEnd() {
				return ctx.Err()
			}
		}
		wait, stop := q.after(q.steps.between(time.Millisecond, 300*time.Millisecond))
		select {
		case <-wait:
		case <-ctx.Done():
			if q.isDeafToItsEnd() {
				<-wait
			}
		case <-q.w.end:
		}
		stop()
	}
}

func (w *world) isOver() bool {
	select {
	case <-w.end:
		return true
	default:
		return false
	}
}

func (q *process) String() string { return fmt.Sprintf("%s/%s", q.name, q.c.self.Process) }

package lead

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// wire is the Lease as one process reaches it, where a test says what befalls each write.
type wire struct {
	*world
	// befalls carries out the n-th write, counted from 1; nil: at once.
	befalls func(ctx context.Context, n int, do func() (*kube.Lease, error)) (*kube.Lease, error)
	writes  atomic.Int32
	// silent: the watch tells nothing.
	silent atomic.Bool
	log    *slog.Logger
}

func newWire(t *testing.T) *wire {
	t.Helper()
	return &wire{world: newWorld(t, 0, io.Discard), log: slog.New(slog.DiscardHandler)}
}

// lost is a write, or its answer, that is lost: the client waits until it gives up.
func lost(ctx context.Context) (*kube.Lease, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("%w: %w", term.ErrUnknown, ctx.Err())
}

func (s *wire) Put(ctx context.Context, judged *kube.Lease, r term.Record) (*kube.Lease, error) {
	n := int(s.writes.Add(1))
	do := func() (*kube.Lease, error) {
		stored, err := s.update(judged.With(r))
		if err != nil {
			return nil, err
		}
		return kube.LeaseOf(stored)
	}
	if s.befalls == nil {
		time.Sleep(time.Millisecond) // time passes, however wrong the process is that writes
		return do()
	}
	return s.befalls(ctx, n, do)
}

func (s *wire) Get(context.Context) (*kube.Lease, error) {
	l, err := s.read()
	if err != nil {
		return nil, err
	}
	return kube.LeaseOf(l)
}

func (s *wire) Create(_ context.Context, lasts time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		s.create(lasts)
	}
	return nil
}

func (s *wire) Follow(ctx context.Context, tell func(*kube.Lease), _ func(error)) {
	mine := &watcher{w: s.world, queue: make(chan *coordinationv1.Lease, 10000)}
	s.mu.Lock()
	s.watchers = append(s.watchers, mine)
	mine.send(s.lease)
	s.mu.Unlock()
	for {
		select {
		case l := <-mine.queue:
			if s.silent.Load() {
				continue
			}
			deliver(s.t, l, tell)
		case <-ctx.Done():
			return
		}
	}
}

// shortest are the durations of these tests.
var shortest = term.Durations{Lease: 3 * time.Second, RenewDeadline: 2 * time.Second, Retry: time.Second}

// bubble is the clock of a synctest bubble.
type bubble struct{ start time.Time }

func (b bubble) now() term.Instant {
	return term.Instant{Mono: time.Since(b.start), Wall: time.Now().Round(0)}
}

func (b bubble) after(d time.Duration) (<-chan time.Time, func() bool) {
	t := time.NewTimer(d)
	return t.C, t.Stop
}

// running is a process that contends through a wire.
type running struct {
	*contender
	// cancel ends the context of Run; done gets what Run returns.
	cancel context.CancelFunc
	done   chan error
	// exited gets the moment at which the process would have exited.
	exited chan time.Time
}

// contends has a process contend. It ends with the test.
func (s *wire) contends(name string, fn Func) *running {
	ctx, cancel := context.WithCancel(s.t.Context())
	h := term.Holder{Identity: name, UID: "uid-" + name, Process: term.Process{ID: name}}
	r := &running{newContender(s, bubble{s.start}, h, s.log), cancel, make(chan error, 1), make(chan time.Time, 1)}
	r.exit = func() { r.exited <- time.Now() }
	r.rule(term.Pool{Durations: shortest}, false)
	following, stop := context.WithCancel(s.t.Context())
	go s.Follow(following, r.see, nil)
	var ran sync.WaitGroup
	ran.Go(func() { r.done <- r.run(ctx, fn) })
	s.t.Cleanup(func() {
		cancel()
		ran.Wait()
		stop()
		time.Sleep(time.Minute) // late writes arrive: time ends with the bubble
	})
	return r
}

// call is one call of the function.
type call struct {
	ctx  context.Context //nolint:containedctx // what is looked at
	term Term
}

// calls returns a function that tells of its calls, and returns once release is closed and it was told to end.
func calls(release <-chan struct{}) (Func, <-chan call) {
	began := make(chan call, 100)
	return func(ctx context.Context, t Term) error {
		began <- call{ctx, t}
		<-ctx.Done()
		<-release
		return ctx.Err()
	}, began
}

func atOnce() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// holder is who holds the Lease, "" if nobody.
func (s *wire) holder() string {
	l, err := s.read()
	if errors.Is(err, kube.ErrMissing) || l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

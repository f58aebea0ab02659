package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	"github.com/kube-zen/zen-lead/controller/internal/guard"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/core/term"
)

// belief is how long the program may believe that it leads, at most: the longer, the less often it must ask, and the longer a
// handover takes.
const belief = 2 * time.Second

// Options of a sidecar.
type Options struct {
	Pool string
	// Address is where /leader is served; "0" is nowhere.
	Address string
	// File is replaced at each change, and each second while this member leads; "" is none.
	File string
	// Hook is run at each change of role; "" is none.
	Hook string
}

// sidecar is one that runs.
type sidecar struct {
	Options
	log *slog.Logger

	mu    sync.Mutex
	known known
	// believed is until when the program may believe what it was told.
	believed guard.Moment
	// told is the role for which the hook has succeeded last.
	told told
	// changed is closed and replaced when what is known, or told, changes.
	changed chan struct{}
}

// told is what the hook was last told with success.
type told struct {
	role   string
	number int64
}

// Run takes part until ctx ends, and has given the lead up when it returns. It fails where it cannot begin.
func Run(ctx context.Context, o Options) error {
	if err := errors.Join(o.complete(), forget(o.File)); err != nil {
		return err
	}
	config, err := kube.Config()
	if err != nil {
		return err
	}
	namespace, err := kube.Namespace()
	if err != nil {
		return err
	}
	me, err := kube.Self()
	if err != nil {
		return err
	}
	if err := guard.Adopt(); err != nil {
		return err
	}
	s := newSidecar(o, namespace, me)
	stopServing, err := s.serve(ctx)
	if err != nil {
		return err
	}
	defer stopServing()
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keeping sync.WaitGroup
	defer keeping.Wait()
	defer stop()
	keeping.Go(func() { s.keepFile(following) })
	keeping.Go(func() { s.keepHook(following) })
	go guard.ReapNobodys(following)
	if err := s.follow(following, config); err != nil {
		return err
	}
	s.settled(ctx)
	// A program that lives on after its sidecar may believe for a while what that had told it. For others a predecessor in this
	// container is dead, and they wait for its duration; this member takes its own term over once nobody believes in it.
	wait(ctx, term.Wait(belief))
	overrun := lead.OnOverrun(func(over lead.Term) { agent.EndAll(over.Left().Hard) })
	err = lead.Run(ctx, o.Pool, s.lead, lead.WithConfig(config), lead.WithNamespace(namespace), overrun)
	if errors.Is(err, lead.ErrReleased) {
		return nil
	}
	return err
}

// complete finds the hook, and fails where one of the options cannot work.
func (o *Options) complete() (err error) {
	if o.File != "" {
		if is, err := os.Stat(filepath.Dir(o.File)); err != nil {
			return fmt.Errorf("--file: %w", err)
		} else if !is.IsDir() {
			return fmt.Errorf("--file: %s is no folder", filepath.Dir(o.File))
		}
	}
	if o.Hook != "" {
		if o.Hook, err = exec.LookPath(o.Hook); err != nil {
			return fmt.Errorf("--hook: %w", err)
		}
	}
	return nil
}

func newSidecar(o Options, namespace string, me term.Holder) *sidecar {
	return &sidecar{
		Options: o, log: slog.Default().With("pool", o.Pool, "namespace", namespace),
		known:   known{pool: o.Pool, namespace: namespace, identity: me.Identity, uid: me.UID},
		changed: make(chan struct{}),
	}
}

// follow takes over who leads and what the policy says.
func (s *sidecar) follow(ctx context.Context, config *rest.Config) error {
	connection, err := kube.Connect(config)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	context.AfterFunc(ctx, connection.Close)
	quiet := func(error) {} // lead.Run tells why it cannot follow the same objects
	go kube.FollowPolicy(ctx, connection.Policies, s.known.namespace, s.Pool, func(p *v1alpha1.LeaderPolicy) {
		s.change(func(k *known) { k.policy = p })
	}, quiet)
	go func() {
		for is, err := range lead.Observe(ctx, s.Pool, lead.WithConfig(config), lead.WithNamespace(s.known.namespace)) {
			if err == nil {
				s.change(func(k *known) { k.seen = is })
			}
		}
	}()
	return nil
}

// change changes what is known.
func (s *sidecar) change(f func(*known)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.known)
	close(s.changed)
	s.changed = make(chan struct{})
}

// tell returns what the program may be told now, and notes until when it will believe that. changed is closed when it is
// another.
func (s *sidecar) tell() (a Answer, until guard.Moment, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := guard.Now()
	a, believed := s.known.answer()
	if believed > 0 {
		until = now.Add(believed)
		s.believed = max(s.believed, until)
	}
	return a, until, s.changed
}

// lead is one term.
func (s *sidecar) lead(ctx context.Context, t lead.Term) error {
	if !s.settled(ctx) {
		return ctx.Err() // the hook has not succeeded yet that ends what the term before had begun
	}
	s.change(func(k *known) { k.term = &t })
	<-ctx.Done()
	s.change(func(k *known) { k.term = nil })
	left, stop := context.WithTimeout(context.WithoutCancel(ctx), t.Left().Hard-beforeHard)
	defer stop()
	if !s.settled(left) {
		s.log.Error("The hook for follower has not succeeded within the term; others may lead", "term", t.Number)
	}
	s.mu.Lock()
	believed := s.believed
	s.mu.Unlock()
	wait(context.WithoutCancel(ctx), believed.Sub(guard.Now()))
	return ctx.Err()
}

// beforeHard is how long before the hard end of a term its work has ended.
const beforeHard = 200 * time.Millisecond

// wait waits for a time, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// serve answers /leader.
func (s *sidecar) serve(ctx context.Context) (stop func(), err error) {
	if s.Address == "0" {
		return func() {}, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Address)
	if err != nil {
		return nil, fmt.Errorf("--bind-address: %w", err)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)}
	go func() { _ = server.Serve(l) }() // ends with Close
	return func() { _ = server.Close() }, nil
}

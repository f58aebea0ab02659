package kubebuilder

import (
	"context"
	"errors"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/kube-zen/zen-lead/core/lead"
)

// Election has a process contend for a pool of mode participant. It is a Runnable: add it to the manager. The manager needs no
// leader election of its own.
type Election struct {
	pool string
	opts []lead.Option

	mu sync.Mutex
	// ctx is that of the term, nil while this process does not lead.
	ctx  context.Context //nolint:containedctx // of the term: reconciliations have contexts of their own, which end with it
	term lead.Term
	// reconciling counts the reconciliations that the term has to wait for.
	reconciling *sync.WaitGroup
	work        []lead.Func
	// takeover is called when a term begins.
	takeover []func()
}

var (
	_ manager.Runnable               = &Election{}
	_ manager.LeaderElectionRunnable = &Election{}
)

// NewElection returns the election of a pool.
func NewElection(pool string, opts ...lead.Option) *Election {
	return &Election{pool: pool, opts: opts}
}

// Work adds a function that runs in every term, beside others, from its beginning. It should return when its context ends. If it
// returns nil before, the term goes on; an error ends the election, and with it the manager. Call it before the manager
// starts.
func (e *Election) Work(fn lead.Func) { e.work = append(e.work, fn) }

// NeedLeaderElection is false: the election is this one.
func (e *Election) NeedLeaderElection() bool { return false }

// Start contends until ctx ends. The manager calls it.
func (e *Election) Start(ctx context.Context) error {
	err := lead.Run(ctx, e.pool, e.lead, e.opts...)
	if ctx.Err() != nil && errors.Is(err, lead.ErrReleased) {
		return nil // as it was told to
	}
	return err
}

// Term returns the term that this process is in. ok is false while it is in none.
func (e *Election) Term() (t lead.Term, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.term, e.ctx != nil && e.ctx.Err() == nil && e.term.Err() == nil
}

// lead is one term.
func (e *Election) lead(ctx context.Context, t lead.Term) error {
	ended, end := context.WithCancelCause(context.WithValue(ctx, termKey{}, t))
	defer end(nil)
	running := e.begin(ended, t)
	var working sync.WaitGroup
	for _, fn := range e.work {
		working.Go(func() {
			if err := fn(ended, t); err != nil && ended.Err() == nil {
				end(err)
			}
		})
	}
	<-ended.Done()
	e.end()
	working.Wait()
	running.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return context.Cause(ended)
}

// begin lets reconciliations begin.
func (e *Election) begin(ctx context.Context, t lead.Term) (running *sync.WaitGroup) {
	e.mu.Lock()
	e.ctx, e.term, e.reconciling = ctx, t, &sync.WaitGroup{}
	running = e.reconciling
	e.mu.Unlock()
	for _, takeOver := range e.takeover {
		takeOver()
	}
	return running
}

// end lets none begin any more.
func (e *Election) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ctx = nil
}

// enter begins a reconciliation in the present term. ok is false where there is none. The context ends with the term, or with
// the caller's; done must be called when the reconciliation has returned.
func (e *Election) enter(ctx context.Context) (inTerm context.Context, done func(), ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx == nil || e.ctx.Err() != nil || e.term.Err() != nil {
		return nil, nil, false
	}
	term, running := e.ctx, e.reconciling
	running.Add(1)
	inTerm, cancel := context.WithCancelCause(context.WithValue(ctx, termKey{}, e.term))
	stop := context.AfterFunc(term, func() { cancel(context.Cause(term)) })
	return inTerm, func() { stop(); cancel(nil); running.Done() }, true
}

type termKey struct{}

// TermFrom returns the term in which a reconciliation runs, or a function of [Election.Work], from its context: the fencing token for
// what it writes. ok is false in any other context.
func TermFrom(ctx context.Context) (t lead.Term, ok bool) {
	t, ok = ctx.Value(termKey{}).(lead.Term)
	return t, ok
}

package lead

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// world is an API server with one Lease, whose network loses, delays and repeats nothing but late.
type world struct {
	t     *testing.T
	out   io.Writer
	seed  uint64
	start time.Time
	end   chan struct{}

	dice // of the story

	mu       sync.Mutex
	faults   faults
	lease    *coordinationv1.Lease // nil: missing
	version  int64
	made     int
	watchers []*watcher
	counts   map[string]int

	referee referee
}

// faults are the chances, from 0 to 1, that something befalls one request.
type faults struct {
	lost, unanswered, late, failed, slow float64
}

func newWorld(t *testing.T, seed uint64, out io.Writer) *world {
	t.Helper()
	w := &world{t: t, out: out, start: time.Now(), end: make(chan struct{}), seed: seed, dice: newDice(seed, 0), version: 1000, counts: map[string]int{}}
	w.referee.t = t
	w.create(time.Second)
	return w
}

func (w *world) create(lasts time.Duration) {
	w.made++
	w.version++
	w.lease = &coordinationv1.Lease{}
	w.lease.Spec.LeaseDurationSeconds = new(int32(lasts / time.Second))
	w.lease.Name, w.lease.UID = "web", types.UID("lease-"+strconv.Itoa(w.made))
	w.lease.Labels = map[string]string{"zen-lead/pool": "web"}
	w.lease.ResourceVersion = strconv.FormatInt(w.version, 10)
	w.tell()
}

// remove deletes the Lease by hand.
func (w *world) remove() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count("lease deleted")
	w.version++
	w.lease = nil
	w.tell()
}

// annotate writes the Lease as the controller or a person does: without a word of its holder.
func (w *world) annotate(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease == nil {
		return
	}
	w.count("lease annotated")
	l := w.lease.DeepCopy()
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
	l.Annotations[name] = value
	w.store(l)
}

func (w *world) store(l *coordinationv1.Lease) {
	w.version++
	l.ResourceVersion = strconv.FormatInt(w.version, 10)
	w.lease = l
	w.tell()
}

// tell sends the Lease as it is to all who watch.
func (w *world) tell() {
	for _, s := range w.watchers {
		s.send(w.lease)
	}
}

func (w *world) count(what string) {
	w.counts[what]++
	if w.out != io.Discard {
		_, _ = fmt.Fprintln(w.out, time.Since(w.start), what)
	}
}

// sleep waits for d, or for the end of the world.
func (w *world) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-w.end:
	}
}

// update is the API server's PUT.
func (w *world) update(l *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gr := schema.GroupResource{Resource: "leases"}
	switch {
	case w.lease == nil:
		return nil, fmt.Errorf("%w: %w", kube.ErrMissing, apierrors.NewNotFound(gr, "web"))
	case w.lease.UID != l.UID || w.lease.ResourceVersion != l.ResourceVersion:
		w.count("conflicts")
		return nil, fmt.Errorf("%w: %w", kube.ErrChanged, apierrors.NewConflict(gr, "web", nil))
	}
	w.count("writes")
	if w.out != io.Discard {
		_, _ = fmt.Fprintf(w.out, "%v %v %v\n", time.Since(w.start), l.Annotations, deref(l.Spec.HolderIdentity))
	}
	w.referee.wrote(w.lease, l)
	w.store(l.DeepCopy())
	return w.lease.DeepCopy(), nil
}

func (w *world) read() (*coordinationv1.Lease, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lease == nil {
		return nil, kube.ErrMissing
	}
	return w.lease.DeepCopy(), nil
}

// deliver tells a process of the Lease as its watch does, nil if it is missing.
func deliver(t *testing.T, l *coordinationv1.Lease, tell func(*kube.Lease)) {
	t.Helper()
	if l == nil {
		tell(nil)
		return
	}
	is, err := kube.LeaseOf(l)
	if err != nil {
		t.Error(err)
		return
	}
	tell(is)
}

// watcher is one process's watch of the Lease. Changes come in order, late, and while it is broken not at all.
type watcher struct {
	w     *world
	queue chan *coordinationv1.Lease
}

func (s *watcher) send(l *coordinationv1.Lease) {
	if l != nil {
		l = l.DeepCopy()
	}
	s.queue <- l
}

// simulated is the Lease as one process reaches it.
type simulated struct {
	*world
	p *process
	// requests and watch are thrown for what befalls requests and the watch.
	requests, watch dice
}

func (s *simulated) Follow(ctx context.Context, tell func(*kube.Lease), _ func(error)) {
	mine := &watcher{w: s.world, queue: make(chan *coordinationv1.Lease, 10000)}
	s.mu.Lock()
	s.watchers = append(s.watchers, mine)
	mine.send(s.lease)
	s.mu.Unlock()
	for {
		select {
		case l := <-mine.queue:
			d := s.watch.between(200*time.Microsecond, 5*time.Millisecond)
			if s.watch.chance(s.now().slow) {
				d = s.watch.between(time.Millisecond, 20*time.Second)
			}
			s.sleep(ctx, d)
			for s.p.isCut() && !s.over(ctx) {
				s.sleep(ctx, 100*time.Millisecond)
			}
			s.p.gate()
			deliver(s.t, l, tell)
		case <-ctx.Done():
			return
		case <-s.end:
			return
		}
	}
}

func (s *simulated) over(ctx context.Context) bool {
	select {
	case <-s.end:
		return true
	default:
		return ctx.Err() != nil
	}
}

// unanswered waits until the client gives up.
func (s *simulated) unanswered(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.end:
	}
	s.p.gate()
	return fmt.Errorf("%w: %w", term.ErrUnknown, context.DeadlineExceeded)
}

func (s *simulated) Get(ctx context.Context) (*kube.Lease, error) {
	s.p.gate()
	s.sleep(ctx, s.requests.between(100*time.Microsecond, 5*time.Millisecond))
	if s.p.isCut() || s.requests.chance(s.now().lost) {
		return nil, s.unanswered(ctx)
	}
	l, err := s.read()
	s.sleep(ctx, s.requests.between(100*time.Microsecond, 5*time.Millisecond))
	s.p.gate()
	if err != nil {
		return nil, err
	}
	return kube.LeaseOf(l)
}

func (s *simulated) Create(_ context.Context, lasts time.Duration) error {
	s.p.gate()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		s.create(lasts)
	}
	return nil
}

// now returns the faults of this moment.
func (s *simulated) now() faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

func (s *simulated) Put(ctx context.Context, judged *kube.Lease, r term.Record) (*kube.Lease, error) {
	s.p.gate()
	l := judged.With(r)
	s.sleep(context.Background(), s.requests.between(100*time.Microsecond, 5*time.Millisecond))
	switch {
	case s.p.isCut(), s.requests.chance(s.now().lost):
		s.note("requests lost")
		return nil, s.unanswered(ctx)
	case s.requests.chance(s.now().late):
		s.note("requests late")
		d := s.requests.between(0, 25*time.Second)
		go func() {
			s.sleep(context.Background(), d)
			if !s.over(context.Background()) {
				_, _ = s.update(l)
			}
		}()
		return nil, s.unanswered(ctx)
	case s.requests.chance(s.now().failed):
		s.note("answers 500")
		if s.requests.chance(0.5) {
			_, _ = s.update(l)
		}
		s.p.gate()
		return nil, fmt.Errorf("%w: etcd timed out", term.ErrUnknown)
	}
	stored, err := s.update(l)
	if s.requests.chance(s.now().unanswered) || s.p.isDeaf() {
		s.note("answers lost")
		return nil, s.unanswered(ctx)
	}
	d := s.requests.between(100*time.Microsecond, 5*time.Millisecond)
	if s.requests.chance(s.now().slow) {
		s.note("answers slow")
		d = s.requests.between(time.Millisecond, 12*time.Second)
	}
	s.sleep(context.Background(), d)
	s.p.gate()
	if err != nil {
		return nil, err
	}
	return kube.LeaseOf(stored)
}

func (w *world) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count(what)
}

func deref(s *string) string {
	if s == nil {
		return "nobody"
	}
	return *s
}

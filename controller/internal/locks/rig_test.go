package locks

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

var (
	report   = types.NamespacedName{Namespace: "default", Name: "report"}
	resource = schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "manuallocks"}
)

// world is an API server that has locks, with compare-and-swap as the real one has it, and whatever goes wrong on the way.
type world struct {
	client.Reader

	mu      sync.Mutex
	version int
	objects map[types.NamespacedName]*v1alpha1.ManualLock
	writes  int
	reads   int
	// unread is how many of the next reads fail.
	unread int
	// answered is what happens while the answer to the next read is on its way.
	answered func()
	// way is what happens to the next writes, in turn.
	way []func(context.Context, func() error) error
	// takes is how long a write is under way.
	takes atomic.Int64
}

func (w *world) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	w.mu.Lock()
	w.reads++
	fails := w.unread > 0
	w.unread -= min(w.unread, 1)
	known, ok := w.objects[key]
	answered := w.answered
	w.answered = nil
	w.mu.Unlock()
	if answered != nil {
		answered()
	}
	if fails {
		return apierrors.NewServiceUnavailable("no")
	}
	if !ok {
		return apierrors.NewNotFound(resource, key.Name)
	}
	known.DeepCopyInto(o.(*v1alpha1.ManualLock))
	return nil
}

func (w *world) Update(ctx context.Context, l *v1alpha1.ManualLock) error {
	<-time.After(time.Duration(w.takes.Load()))
	w.mu.Lock()
	var way func(context.Context, func() error) error
	if len(w.way) > 0 {
		way, w.way = w.way[0], w.way[1:]
	}
	w.mu.Unlock()
	if way == nil {
		return w.put(l)
	}
	sent := l.DeepCopy()
	err := way(ctx, func() error { return w.put(sent) })
	if err == nil {
		sent.DeepCopyInto(l)
	}
	return err
}

func (w *world) put(l *v1alpha1.ManualLock) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := client.ObjectKeyFromObject(l)
	known, ok := w.objects[key]
	switch {
	case !ok:
		return apierrors.NewNotFound(resource, l.Name)
	case known.ResourceVersion != l.ResourceVersion || known.UID != l.UID:
		return apierrors.NewConflict(resource, l.Name, errors.New("another version"))
	}
	w.version += 3
	l.ResourceVersion = strconv.Itoa(w.version)
	w.objects[key] = l.DeepCopy()
	w.writes++
	return nil
}

// edit is a write of somebody else's.
func (w *world) edit(t *testing.T, f func(*v1alpha1.ManualLockStatus)) {
	t.Helper()
	w.mu.Lock()
	l := w.objects[report].DeepCopy()
	w.mu.Unlock()
	f(&l.Status)
	if err := w.put(l); err != nil {
		t.Fatal(err)
	}
}

func (w *world) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

func (w *world) status() v1alpha1.ManualLockStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.objects[report].Status
}

// Ways that a write can go.
func lostReply(_ context.Context, do func() error) error {
	_ = do()
	return context.DeadlineExceeded
}

func lostRequest(context.Context, func() error) error { return context.DeadlineExceeded }

// late is a write that lands after a while; who sent it hears nothing.
func late(after time.Duration) func(context.Context, func() error) error {
	return func(_ context.Context, do func() error) error {
		time.AfterFunc(after, func() { _ = do() })
		return context.DeadlineExceeded
	}
}

// standing is a replica whose standing a test decides.
type standing struct {
	mu     sync.Mutex
	name   string
	valid  bool
	home   string // where requests are sent, if that is another
	silent map[string]time.Time
}

func (s *standing) Term() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name, s.valid
}
func (s *standing) set(name string, valid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.valid = name, valid
}
func (s *standing) Home(types.NamespacedName) (string, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.home != "" {
		return s.home, "address"
	}
	return s.name, ""
}
func (s *standing) Lives(string) (string, bool) { return "", false }
func (s *standing) Silent(name string) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, ok := s.silent[name]
	return since, ok
}

type rig struct {
	*Keeper
	w    *world
	self *standing
	// still is for how long it has stood still in all.
	still atomic.Int64
}

// newRig is a keeper and a lock that nobody holds. To be used in a bubble.
func newRig(t *testing.T) *rig {
	t.Helper()
	w := &world{version: 100, objects: map[types.NamespacedName]*v1alpha1.ManualLock{}}
	w.objects[report] = &v1alpha1.ManualLock{ObjectMeta: metav1.ObjectMeta{Namespace: report.Namespace, Name: report.Name, UID: "u1", ResourceVersion: "100"}}
	self := &standing{name: "h1", valid: true, silent: map[string]time.Time{}}
	ctx, cancel := context.WithCancel(t.Context())
	k := New(ctx, self, 15*time.Second, w, w)
	r := &rig{Keeper: k, w: w, self: self}
	k.Now = func() time.Time { return time.Now().Add(time.Duration(r.still.Load())) }
	k.Recorder = events.NewFakeRecorder(1000)
	k.saw(w.objects[report].DeepCopy())
	ended := make(chan struct{})
	go func() { k.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

func wish(id string, wait time.Duration) Wish {
	return Wish{Request: lock.Request{ID: id, Owner: id, Account: "acc"}, TTL: 15 * time.Second, Wait: wait}
}

// has asks for the lock and returns the answer.
func (r *rig) has(t *testing.T, id string) *lock.Holder {
	t.Helper()
	a := <-r.Ask(t.Context(), report, wish(id, -1)).Answer
	if a.Err != nil {
		t.Fatalf("%s: %v", id, a.Err)
	}
	return a.Holder
}

package kube

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kube-zen/zen-lead/core/term"
)

// single is an API server with one Lease, nil where it is missing.
type single struct {
	coordinationclient.LeaseInterface
	lease *coordinationv1.Lease
}

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (s *single) Get(context.Context, string, metav1.GetOptions) (*coordinationv1.Lease, error) {
	if s.lease == nil {
		return nil, apierrors.NewNotFound(leases, "web")
	}
	return s.lease.DeepCopy(), nil
}

func (s *single) Create(_ context.Context, l *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	l.ResourceVersion = "1"
	s.lease = l.DeepCopy()
	return l, nil
}

func (s *single) Update(_ context.Context, l *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	if s.lease.ResourceVersion != l.ResourceVersion {
		return nil, apierrors.NewConflict(leases, "web", nil)
	}
	version, _ := Version(l.ResourceVersion)
	l.ResourceVersion = strconv.FormatInt(version+1, 10)
	s.lease = l.DeepCopy()
	return l, nil
}

// lock returns the lock of a process.
func (s *single) lock(name string) *ResourceLock {
	return &ResourceLock{pool: &Pool{leases: s, namespace: "default", name: "web"}, self: term.Holder{Identity: name, UID: "uid-" + name}, describe: "default/web", begun: time.Now()}
}

// take has a lock's process lead, by what it read.
func take(t *testing.T, l *ResourceLock) error {
	t.Helper()
	if _, _, err := l.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: l.Identity(), LeaseDurationSeconds: 15})
}

func newSingle() *single {
	return &single{lease: &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "web", ResourceVersion: "1", Labels: map[string]string{"zen-lead/pool": "web"}}}}
}

// client-go's elector reads the Lease before it releases it, and does not look at whom it names by then.
func TestOnlyItsHolderGivesALeaseUp(t *testing.T) {
	s := newSingle()
	former := s.lock("a")
	if err := take(t, former); err != nil {
		t.Fatal(err)
	}
	s.lease.Spec.HolderIdentity = nil // as it is once others have waited
	if err := take(t, s.lock("b")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := former.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := former.Update(t.Context(), resourcelock.LeaderElectionRecord{LeaseDurationSeconds: 1})
	if h := s.lease.Spec.HolderIdentity; !errors.Is(err, term.ErrLost) || h == nil || *h != "b" {
		t.Errorf("%v, and the Lease of b names %v", err, h)
	}
}

// client-go's elector waits for the duration, and not for the difference of two clocks.
func TestALeaseThatIsHeldIsTakenOverOnceItsDurationAndTheMarginArePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSingle()
		if err := take(t, s.lock("a")); err != nil {
			t.Fatal(err)
		}
		b := s.lock("b")
		for at := time.Duration(0); ; at += 250 * time.Millisecond {
			err := take(t, b)
			if early := at < term.Wait(15*time.Second); early != errors.Is(err, term.ErrHeld) || !early && err != nil {
				t.Fatalf("after %v: %v", at, err)
			}
			if err == nil {
				return
			}
			time.Sleep(250 * time.Millisecond)
		}
	})
}

func TestALeaseMadeAnewIsNotLeftAloneForever(t *testing.T) {
	s := newSingle()
	s.lease.Spec.HolderIdentity, s.lease.Spec.LeaseDurationSeconds = new("web-0"), new(int32(2147483647)) // as zen-lead holds it in mode controller
	l := s.lock("a")
	if _, _, err := l.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.lease = nil
	if _, _, err := l.Get(t.Context()); !errors.Is(err, ErrMissing) {
		t.Fatal(err)
	}
	if err := l.Create(t.Context(), resourcelock.LeaderElectionRecord{LeaseDurationSeconds: 15}); !errors.Is(err, term.ErrHeld) {
		t.Fatal(err)
	}
	if d := *s.lease.Spec.LeaseDurationSeconds; d > 3600 {
		t.Errorf("it is left alone for %d s", d)
	}
}

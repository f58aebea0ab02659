package replica

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
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// leases is an API server that has Leases, with compare-and-swap as the real one has it.
type leases struct {
	client.Reader
	client.Writer

	objects map[string]*coordinationv1.Lease
	version int
	// takes is how long a write's answer is under way, and away that there is none.
	takes time.Duration
	away  bool
	// lands: writes land also while there is no answer.
	lands bool
}

func (l *leases) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if l.away && !l.lands {
		return errors.New("connection refused")
	}
	known, ok := l.objects[key.Name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, key.Name)
	}
	known.DeepCopyInto(o.(*coordinationv1.Lease))
	return nil
}

func (l *leases) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	if l.away && !l.lands {
		return errors.New("connection refused")
	}
	o.SetUID(types.UID("u" + o.GetName() + strconv.Itoa(l.version)))
	if l.away {
		_ = l.store(o.DeepCopyObject().(*coordinationv1.Lease))
		return context.DeadlineExceeded
	}
	return l.store(o.(*coordinationv1.Lease))
}

func (l *leases) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	lease := o.(*coordinationv1.Lease)
	if l.away && !l.lands {
		return errors.New("connection refused")
	}
	known, ok := l.objects[lease.Name]
	switch {
	case !ok:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, lease.Name)
	case known.ResourceVersion != lease.ResourceVersion || known.UID != lease.UID:
		return apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, lease.Name, errors.New("another version"))
	}
	if l.away {
		_ = l.store(lease.DeepCopy())
		return context.DeadlineExceeded
	}
	return l.store(lease)
}

func (l *leases) store(lease *coordinationv1.Lease) error {
	l.version++
	lease.ResourceVersion = strconv.Itoa(l.version)
	l.objects[lease.Name] = lease.DeepCopy()
	<-time.After(l.takes)
	return nil
}

// TestTheOwnTerm: what a replica acknowledges counts only under a name whose Lease it renews in time.
func TestTheOwnTerm(t *testing.T) {
	type rig struct {
		*leases
		*Replica
		t *testing.T
	}
	renew := func(r rig) { _ = r.renew(r.t.Context()) }
	for name, tc := range map[string]struct {
		happen func(r rig)
		// same: the name stays; valid: what is acknowledged counts.
		same, valid bool
	}{
		"counts once its Lease is made": {func(rig) {}, true, true},
		"goes on with each renewal": {func(r rig) {
			for range 5 {
				<-time.After(5 * time.Second)
				renew(r)
			}
		}, true, true},
		"does not count any more when its Lease was not renewed for 0.95 of its duration": {func(r rig) {
			r.away = true
			<-time.After(14250 * time.Millisecond)
		}, true, false},
		"counts until then": {func(r rig) {
			r.away = true
			<-time.After(14200 * time.Millisecond)
		}, true, true},
		"does not come back under the same name": {func(r rig) {
			r.away = true
			<-time.After(14250 * time.Millisecond)
			r.away = false
			renew(r)
		}, false, true},
		"is not brought back by an answer that comes too late": {func(r rig) {
			<-time.After(10 * time.Second)
			r.takes = 5 * time.Second
			renew(r)
		}, false, false},
		"counts from before the renewal was sent": {func(r rig) {
			<-time.After(5 * time.Second)
			r.takes = 4 * time.Second
			renew(r)
			<-time.After(10300 * time.Millisecond)
		}, true, false},
		"ends when its Lease was deleted": {func(r rig) {
			clear(r.objects)
			renew(r)
			renew(r)
		}, false, true},
		"ends when its Lease was made anew by somebody": {func(r rig) {
			for _, l := range r.objects {
				l.UID, l.ResourceVersion = "another", "7"
			}
			renew(r)
			renew(r)
		}, false, true},
		"ends when somebody else wrote its Lease": {func(r rig) {
			for _, l := range r.objects {
				l.ResourceVersion, l.Spec.RenewTime = "7", &metav1.MicroTime{Time: time.Now().Add(time.Hour)}
			}
			renew(r)
			renew(r)
		}, false, true},
		"goes on when its own renewal landed without an answer": {func(r rig) {
			<-time.After(5 * time.Second)
			r.away, r.lands = true, true
			renew(r)
			r.away = false
			renew(r)
			renew(r)
		}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &leases{objects: map[string]*coordinationv1.Lease{}}
				r := rig{l, &Replica{Client: l, Live: l, Namespace: "zen-lead-system", Now: time.Now}, t}
				r.own.begin("zen-lead.first")
				if _, valid := r.Term(); valid {
					t.Fatal("counts before there is a Lease")
				}
				renew(r)
				tc.happen(r)
				now, valid := r.Term()
				if (now == "zen-lead.first") != tc.same || valid != tc.valid {
					t.Errorf("name %s, counts %v; want the same name %v, counts %v", now, valid, tc.same, tc.valid)
				}
			})
		})
	}
}

func TestATermDoesNotBeginUnderANameWhoseLeaseOthersMayHaveSeenUnchangedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leases{objects: map[string]*coordinationv1.Lease{}, away: true, lands: true}
		r := &Replica{Client: l, Live: l, Namespace: "zen-lead-system", Now: time.Now}
		r.own.begin("zen-lead.first")
		_ = r.renew(t.Context()) // makes the Lease, and hears nothing of that
		<-time.After(14250 * time.Millisecond)
		l.away = false
		_ = r.renew(t.Context())
		if name, valid := r.Term(); name == "zen-lead.first" || !valid {
			t.Errorf("name %s, counts %v", name, valid)
		}
	})
}

func TestAReplicaIsSilentOnlyAsFarAsTheWatchIsKnownToHaveCome(t *testing.T) {
	const term = 15750 * time.Millisecond
	for name, tc := range map[string]struct {
		heard time.Duration // after the Lease was last seen to change
		gone  bool
		want  bool
	}{
		"not while it may still renew":                          {term - time.Millisecond, false, false},
		"once all that was written within its term has come":    {term, false, true},
		"a deleted one counts from when it was last seen":       {term, true, true},
		"not at once when it is deleted: it may not have heard": {time.Second, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Replica{Now: func() time.Time { return epoch.Add(time.Hour) }}
			r.own.begin("zen-lead.self")
			r.peers.saw(leaseOf("zen-lead.a", 1), false, epoch)
			if tc.gone {
				r.peers.gone("zen-lead.a", epoch.Add(500*time.Millisecond))
			}
			r.echo.sent(epoch.Add(tc.heard), epoch.Add(tc.heard))
			r.echo.back(epoch.Add(tc.heard))
			since, silent := r.Silent("zen-lead.a")
			if silent != tc.want || !since.Equal(epoch) {
				t.Errorf("silent %v since %s", silent, since.Sub(epoch))
			}
		})
	}
}

func TestOneThatWasNeverSeenMayJustHaveBegun(t *testing.T) {
	now := epoch
	r := &Replica{Now: func() time.Time { return now }}
	r.own.begin("zen-lead.self")
	heard := func() {
		r.echo.sent(now, now)
		r.echo.back(now)
	}
	now = epoch.Add(time.Hour)
	heard()
	if _, silent := r.Silent("zen-lead.new"); silent {
		t.Error("silent, and the watch may not have brought yet that it began")
	}
	now = now.Add(15750 * time.Millisecond)
	if _, silent := r.Silent("zen-lead.new"); silent {
		t.Error("silent, although the watch has brought nothing since")
	}
	heard()
	if since, silent := r.Silent("zen-lead.new"); !silent || !since.Equal(epoch.Add(time.Hour)) {
		t.Errorf("silent %v since %s", silent, since.Sub(epoch))
	}
}

func TestAReplicaWithoutAnAPIKeepsNoLocks(t *testing.T) {
	r := &Replica{Now: func() time.Time { return epoch }}
	r.own.begin("zen-lead.self")
	for i := range 20 {
		r.peers.saw(leaseOf("zen-lead.old"+strconv.Itoa(i), 1), false, epoch)
	}
	report := types.NamespacedName{Namespace: "default", Name: "report"}
	if name, _ := r.Home(report); name != "zen-lead.self" {
		t.Errorf("kept by %s, which has no address", name)
	}
}

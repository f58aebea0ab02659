package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var key = types.NamespacedName{Namespace: "zen-lead-system", Name: "zen-lead-api-tls"}

func emptySecret() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: map[string]string{"by": "helm"}}}
}

// looking starts what looks after the Secret, in a bubble; the requests go through i.
func looking(t *testing.T, i interceptor.Funcs, objects ...client.Object) (*SelfManaged, client.Client, func() *tls.Certificate) {
	t.Helper()
	there := fake.NewClientBuilder().WithObjects(objects...).Build()
	seen := interceptor.NewClient(there, i)
	var offered atomic.Pointer[tls.Certificate]
	s := &SelfManaged{Client: seen, Live: seen, Secret: key, Names: names, Now: time.Now, Offer: offered.Store}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended: %v", err)
		}
	})
	return s, there, func() *tls.Certificate { synctest.Wait(); return offered.Load() }
}

func secret(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	synctest.Wait()
	s := &corev1.Secret{}
	if err := c.Get(t.Context(), key, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnEmptySecretIsFilledAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, c, offered := looking(t, interceptor.Funcs{}, emptySecret())
		s := secret(t, c)
		if !time.Now().Equal(began) || len(s.Data) != 4 || s.Labels["by"] != "helm" {
			t.Errorf("after %v: %d keys, labels %v", time.Since(began), len(s.Data), s.Labels)
		}
		if !decide(read(s.Data), names, time.Now()).nothing() {
			t.Error("something is still to be done")
		}
		if offered() == nil || !offered().Leaf.Equal(read(s.Data).serving) {
			t.Error("another certificate is offered")
		}
	})
}

func TestWhatSomebodyElseKeepsInTheSecretStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := emptySecret()
		there.Data = map[string][]byte{"note": []byte("ours")}
		_, c, _ := looking(t, interceptor.Funcs{}, there)
		if s := secret(t, c); string(s.Data["note"]) != "ours" || len(s.Data) != 5 {
			t.Errorf("%d keys, note %q", len(s.Data), s.Data["note"])
		}
	})
}

func TestItIsLookedAtEveryHourAndRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const days = 10
		there := emptySecret()
		there.Data = after(t, nil, names, time.Now().Add(servingLeft+days*day-servingFor))
		var reads, writes atomic.Int64
		_, c, offered := looking(t, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, k client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				reads.Add(1)
				return c.Get(ctx, k, o, opts...)
			},
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				writes.Add(1)
				return c.Update(ctx, o, opts...)
			},
		}, there)
		first := offered()
		<-time.After(days*day - time.Hour)
		synctest.Wait()
		if hours := int64(days * 24); reads.Load() < hours*9/10 || reads.Load() > hours || writes.Load() != 0 {
			t.Errorf("%d reads, %d writes in %d hours", reads.Load(), writes.Load(), hours)
		}
		if offered().Leaf.NotAfter != first.Leaf.NotAfter {
			t.Error("it was renewed early")
		}
		<-time.After(3 * time.Hour)
		if s := secret(t, c); writes.Load() != 1 || !offered().Leaf.Equal(read(s.Data).serving) || !offered().Leaf.NotAfter.After(first.Leaf.NotAfter) {
			t.Errorf("%d writes; ends %v", writes.Load(), offered().Leaf.NotAfter)
		}
	})
}

func TestTwoReplicasAgreeOnWhatOneOfThemWrote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var theirs map[string][]byte
		_, c, offered := looking(t, interceptor.Funcs{
			Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
				if theirs == nil { // the other one is quicker
					s := emptySecret()
					theirs = after(t, nil, names, time.Now())
					s.Data = theirs
					if err := c.Update(ctx, s); err != nil {
						return err
					}
				}
				return c.Update(ctx, o, opts...)
			},
		}, emptySecret())
		<-time.After(time.Second)
		s := secret(t, c)
		if string(s.Data[servingKey]) != string(theirs[servingKey]) || string(s.Data[authorityPrivateKey]) != string(theirs[authorityPrivateKey]) {
			t.Error("what the other replica wrote was overwritten")
		}
		if offered() == nil || !offered().Leaf.Equal(read(theirs).serving) {
			t.Error("another certificate than the other replica's is offered")
		}
	})
}

func TestAFailureIsTriedAgainAndEndsNothing(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, key.Name, errors.New("no right"))
	for name, tc := range map[string]struct {
		read, write error
		missing     bool
	}{
		"the Secret may not be read":    {read: forbidden},
		"the Secret may not be written": {write: forbidden},
		"the API server does not hear":  {read: context.DeadlineExceeded},
		"the Secret is not there":       {missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int64
				var mended atomic.Bool
				var there []client.Object
				if !tc.missing {
					there = append(there, emptySecret())
				}
				_, c, offered := looking(t, interceptor.Funcs{
					Get: func(ctx context.Context, c client.WithWatch, k client.ObjectKey, o client.Object, opts ...client.GetOption) error {
						tries.Add(1)
						if !mended.Load() && tc.read != nil {
							return tc.read
						}
						return c.Get(ctx, k, o, opts...)
					},
					Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
						if !mended.Load() && tc.write != nil {
							return tc.write
						}
						return c.Update(ctx, o, opts...)
					},
				}, there...)
				<-time.After(time.Hour)
				if offered() != nil {
					t.Error("something is offered")
				}
				if n := tries.Load(); n < 12 || n > 30 {
					t.Errorf("%d tries in an hour", n)
				}
				mended.Store(true)
				if tc.missing {
					if err := c.Create(t.Context(), emptySecret()); err != nil {
						t.Fatal(err)
					}
				}
				<-time.After(retryMost + retryMost/5)
				if offered() == nil {
					t.Error("nothing is offered once it can be done")
				}
			})
		})
	}
}

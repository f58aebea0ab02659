package snapshot

import (
	"context"
	"errors"
	"reflect"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// apiServer has some objects.
func apiServer(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// labelled is a pod that has the label of its pool, as members have.
func labelled(p *corev1.Pod) *corev1.Pod {
	p.Labels = map[string]string{v1alpha1.PoolLabel: web.Name}
	return p
}

// Whoever wants to know it for sure is told what watches tell, or will.
func TestWhatIsReadIsWhatWatchesTell(t *testing.T) {
	controller, participant, observe := v1alpha1.ModeController, v1alpha1.ModeParticipant, v1alpha1.ModeObserve
	blue := func() *corev1.Pod { return labelled(identified(pod("b", 3, "10.0.0.2"), "blue")) }
	for name, tc := range map[string]struct {
		objects []client.Object
		leader  Leader
		term    int64
	}{
		"whom the status names": {[]client.Object{policy(9, controller, "a", 5)}, Leader{Name: "a", UID: "a-uid"}, 5},
		"with address and node": {
			[]client.Object{policy(9, controller, "a", 5), lease(8, "a", 5), labelled(pod("a", 3, "10.0.0.1"))}, Leader{"a", "a-uid", "10.0.0.1", "node-1"}, 5,
		},
		"whom the Lease names, before the status does": {
			[]client.Object{policy(9, controller, "a", 5), lease(10, "b", 7), labelled(pod("b", 4, "10.0.0.2"))}, Leader{"b", "b-uid", "10.0.0.2", "node-1"}, 7,
		},
		"a member that the Lease names as it named itself, before the status does": {
			[]client.Object{named(policy(9, controller, "a", 5)), held(lease(10, "blue", 7), v1alpha1.HolderUIDAnnotation, "b-uid"), labelled(pod("a", 3, "")), blue()},
			Leader{"b", "b-uid", "10.0.0.2", "node-1"}, 7,
		},
		"not another that bears the name": {
			[]client.Object{named(policy(9, controller, "a", 5)), held(lease(10, "b", 7), v1alpha1.HolderUIDAnnotation, "gone-uid"), blue()}, Leader{}, 7,
		},
		"nobody, where members name themselves and a stranger holds the Lease": {
			[]client.Object{named(policy(9, controller, "a", 5)), held(lease(10, "blue", 7), v1alpha1.HolderUIDAnnotation, ""), blue()}, Leader{}, 7,
		},
		"nobody, where the pod of the holder is gone": {[]client.Object{policy(9, controller, "a", 5), lease(10, "b", 7)}, Leader{}, 7},
		"nobody, where the Lease is empty":            {[]client.Object{policy(9, participant, "a", 5), lease(10, "", 5), labelled(pod("a", 3, ""))}, Leader{}, 5},
		"whom the status names, where another program's Lease elects": {
			[]client.Object{policy(9, observe, "a", 5), lease(10, "b", 7), labelled(pod("a", 3, "10.0.0.1")), labelled(pod("b", 3, ""))},
			Leader{"a", "a-uid", "10.0.0.1", "node-1"}, 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, found, err := Read(t.Context(), apiServer(t, tc.objects...), web)
			if err != nil || !found || s.Leader != tc.leader || s.Term != tc.term {
				t.Errorf("%+v, %v, %v; want %+v in %d", s, found, err, tc.leader, tc.term)
			}
			var f Feed
			for _, o := range tc.objects {
				tellAll(&f, o)
			}
			if told := f.Board.Newest(web); told.State != s || told.Revision.Sum != r.Sum || f.Board.Behind(web, r) {
				t.Errorf("watches tell %+v %+v, read was %+v %+v", told.State, told.Revision, s, r)
			}
		})
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	errAway := errors.New("connection refused")
	deleting := policy(9, v1alpha1.ModeController, "a", 5)
	deleting.DeletionTimestamp, deleting.Finalizers = new(metav1.Now()), []string{"example.com/x"}
	all := []client.Object{named(policy(9, v1alpha1.ModeController, "a", 5)), lease(8, "a", 5)}
	for name, tc := range map[string]struct {
		objects []client.Object
		away    client.Object // what the API server does not answer for
		want    error
	}{
		"a pool that there is not":    {nil, nil, nil},
		"a pool that is deleted":      {[]client.Object{deleting}, nil, nil},
		"a policy that is not read":   {all, &v1alpha1.LeaderPolicy{}, errAway},
		"a Lease that is not read":    {all, &coordinationv1.Lease{}, errAway},
		"members that are not listed": {all, &corev1.Pod{}, errAway},
		"a pod that is not read":      {[]client.Object{policy(9, v1alpha1.ModeController, "a", 5)}, &corev1.Pod{}, errAway},
	} {
		t.Run(name, func(t *testing.T) {
			live := interceptor.NewClient(apiServer(t, tc.objects...), interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
					if reflect.TypeOf(o) == reflect.TypeOf(tc.away) {
						return errAway
					}
					return c.Get(ctx, key, o)
				},
				List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return errAway },
			})
			if _, _, found, err := Read(t.Context(), live, web); found || !errors.Is(err, tc.want) {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
}

package record

import (
	"reflect"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kube-zen/zen-lead/test/history"
)

func TestConvertReadsWhatTheModelJudges(t *testing.T) {
	object := func(annotations map[string]string, labels map[string]string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Namespace: "ns", Name: "x", UID: "u", ResourceVersion: "7", Annotations: annotations, Labels: labels, OwnerReferences: owners,
		}
	}
	type annotations = map[string]string
	for name, c := range map[string]struct {
		object runtime.Object
		want   history.Event
	}{
		"a leader that is ready": {
			&corev1.Pod{
				ObjectMeta: object(annotations{"zen-lead/pool": "web", "zen-lead/role": "leader", "zen-lead/term": "9"}, annotations{"zen-lead/role": "leader"}),
				Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
			},
			history.Event{Kind: history.KindPod, Pool: "web", Pod: history.Pod{
				Role: history.Role{Label: "leader", Annotation: "leader", Term: 9}, Ready: true,
			}},
		},
		"a pod that ends, keeps out and has a term that is none": {
			&corev1.Pod{
				ObjectMeta: object(annotations{"zen-lead/join": "no", "zen-lead/term": "9007199254740992"}, nil),
				Status:     corev1.PodStatus{Phase: corev1.PodFailed},
			},
			history.Event{Kind: history.KindPod, Pod: history.Pod{Ended: true, Excluded: true}},
		},
		"a held Lease": {
			&coordinationv1.Lease{
				ObjectMeta: object(annotations{"zen-lead/term-base": "5", "zen-lead/holder-uid": "h"}, nil),
				Spec:       coordinationv1.LeaseSpec{HolderIdentity: new("a"), LeaseTransitions: new(int32(2))},
			},
			history.Event{Kind: history.KindLease, Pool: "x", Lease: history.Lease{Holder: "a", HolderUID: "h", Base: 5, Transitions: 2}},
		},
		"a slice known by its owner": {
			&discoveryv1.EndpointSlice{
				ObjectMeta:  object(annotations{"zen-lead/term": "9"}, annotations{"kubernetes.io/service-name": "web-leader"}, metav1.OwnerReference{Kind: "LeaderPolicy", Name: "web"}),
				AddressType: discoveryv1.AddressTypeIPv6,
				Endpoints:   []discoveryv1.Endpoint{{TargetRef: &corev1.ObjectReference{Name: "a", UID: "h"}}, {}},
			},
			history.Event{Kind: history.KindSlice, Pool: "web", Slice: history.Slice{
				Service: "web-leader", Family: "IPv6", Term: 9, Endpoints: []history.Target{{Name: "a", UID: "h"}, {}},
			}},
		},
		"a slice known by its label": {
			&discoveryv1.EndpointSlice{ObjectMeta: object(nil, annotations{"zen-lead/pool": "web"})},
			history.Event{Kind: history.KindSlice, Pool: "web"},
		},
		"a policy with a status": {
			&unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{"namespace": "ns", "name": "x", "uid": "u", "resourceVersion": "7"},
				"status":   map[string]any{"term": int64(9), "currentHolder": map[string]any{"name": "a", "uid": "h"}},
			}},
			history.Event{Kind: history.KindPolicy, Pool: "x", Policy: history.Policy{Term: 9, Holder: history.Target{Name: "a", UID: "h"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Namespace, c.want.Name, c.want.UID, c.want.Revision = "ns", "x", "u", 7
			got, err := Convert(c.object)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v (%v)\nwant %+v", got, err, c.want)
			}
		})
	}
}

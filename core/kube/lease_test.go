package kube_test

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

func TestRecordOf(t *testing.T) {
	holder, transitions := "web-1", int32(3)
	held := coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseTransitions: &transitions}
	ours := map[string]string{"zen-lead/term-base": "70", "zen-lead/holder-uid": "u1"}
	for name, tc := range map[string]struct {
		lease coordinationv1.Lease
		want  term.Record
		ok    bool
	}{
		"a Lease of ours is read whole": {
			coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "99", Annotations: ours}, Spec: held},
			term.Record{Version: 99, Base: 70, Transitions: 3, Holder: term.Holder{Identity: "web-1", UID: "u1"}}, true},
		"a Lease without base is a stranger's": {
			coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "99"}, Spec: held},
			term.Record{Version: 99, Transitions: 3, Holder: term.Holder{Identity: "web-1"}}, false},
		"a base that no version of zen-lead wrote is no base": {
			coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "99", Annotations: map[string]string{"zen-lead/term-base": "9223372036854775807"}}},
			term.Record{Version: 99}, false},
		"an empty Lease has no holder": {
			coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "99", Annotations: map[string]string{"zen-lead/term-base": "70"}}},
			term.Record{Version: 99, Base: 70}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := kube.RecordOf(&tc.lease)
			if err != nil || got != tc.want || ok != tc.ok {
				t.Errorf("RecordOf() = %+v, %v, %v; want %+v, %v", got, ok, err, tc.want, tc.ok)
			}
		})
	}
}

func TestRecordOfNeedsAVersion(t *testing.T) {
	if _, _, err := kube.RecordOf(&coordinationv1.Lease{}); err == nil {
		t.Error("a Lease without resourceVersion was read")
	}
}

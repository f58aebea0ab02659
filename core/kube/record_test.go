package kube_test

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// made is a pool's first Lease, as it was read.
func made(t *testing.T) *kube.Lease {
	t.Helper()
	l, err := kube.LeaseOf(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: "web", UID: "lease-1", ResourceVersion: "70", Labels: map[string]string{"zen-lead/pool": "web"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALeaseThatNobodyHeldIsGivenUpWithoutABase(t *testing.T) {
	l := made(t)
	o := l.With(l.Record.Empty())
	if base, ok := o.Annotations["zen-lead/term-base"]; ok {
		t.Errorf("zen-lead/term-base is %q, which the API server refuses", base)
	}
	again, err := kube.LeaseOf(o)
	if err != nil || !again.Owned || again.Record.Held() {
		t.Errorf("read again it is %+v, %v; want the pool's, without holder", again, err)
	}
}

// A PUT without either overwrites whatever is there, or makes a Lease anew that was deleted.
func TestAWriteReplacesTheVersionThatWasJudged(t *testing.T) {
	l := made(t)
	r := l.Record.Grant(term.Holder{Identity: "web-1"}, 0)
	r.Duration, r.Renewed = 15*time.Second, time.Unix(1e9, 0)
	if o := l.With(r); o.UID != "lease-1" || o.ResourceVersion != "70" {
		t.Errorf("the write has UID %q and resourceVersion %q", o.UID, o.ResourceVersion)
	}
}

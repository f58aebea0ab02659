package pool

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// TestWhatOtherElectorsSee: they wait for the duration that the Lease gives, and some take a Lease without times at once.
func TestWhatOtherElectorsSee(t *testing.T) {
	created := kube.NewLease("ns", "web", term.EmptyDuration, epoch)
	granted := term.Record{Version: 500}.Grant(term.Holder{Identity: "a", UID: "ua"}, 0)
	held := leaseWith(created, granted, epoch)
	for name, tc := range map[string]struct {
		lease    coordinationv1.Lease
		holder   string
		duration int32
	}{
		"created":  {*created, "", 1},
		"held":     {*held, "a", 2147483647},
		"released": {*leaseWith(held, granted.Empty(), epoch), "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := tc.lease.Spec
			if s.AcquireTime == nil || s.RenewTime == nil || *s.LeaseDurationSeconds != tc.duration {
				t.Errorf("spec %+v, want both times and a duration of %d", s, tc.duration)
			}
			holder := ""
			if s.HolderIdentity != nil {
				holder = *s.HolderIdentity
			}
			if uid := tc.lease.Annotations[v1alpha1.HolderUIDAnnotation]; holder != tc.holder || (uid != "") != (tc.holder != "") {
				t.Errorf("holder %q with uid %q, want %q", holder, uid, tc.holder)
			}
		})
	}
}

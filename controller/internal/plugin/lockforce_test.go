package plugin

import (
	"testing"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// manual is the lock of reportLock, as a watch brings it.
func manual(version string, edit func(*v1alpha1.ManualLock)) *v1alpha1.ManualLock {
	var all *v1alpha1.ManualLock
	reportLock(func(m *v1alpha1.ManualLock) {
		m.ResourceVersion = version
		if edit != nil {
			edit(m)
		}
		all = m
	})
	return all
}

func TestAnOlderLockSaysNothingOfAnOrder(t *testing.T) {
	t.Parallel()
	w := watch.NewFakeWithChanSize(3, false)
	w.Add(manual("100", nil)) // without the order, which is not refused by that
	w.Modify(manual("101", asked(105902)))
	w.Modify(manual("103", func(m *v1alpha1.ManualLock) { free(m); m.Status.LastTransition.Reason = v1alpha1.LockForced }))
	f := &forcing{version: 101}
	said, decided, err := f.listen(t.Context(), w, reportLock(nil))
	if said != "report: taken from report-0; free" || !decided || err != nil {
		t.Errorf("%q, %v, %v", said, decided, err)
	}
}

func TestALockThatIsDeletedIsNoSuccess(t *testing.T) {
	t.Parallel()
	w := watch.NewFakeWithChanSize(1, false)
	w.Delete(manual("102", free))
	f := &forcing{version: 101}
	if said, _, err := f.listen(t.Context(), w, reportLock(nil)); err == nil {
		t.Errorf("said %q", said)
	}
}

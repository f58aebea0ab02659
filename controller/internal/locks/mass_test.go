package locks

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

func TestWhoWaitsDoesNotStandBehindTheRecordsOfTheDead(t *testing.T) {
	in(t, func(t *testing.T, r *rig) {
		const many = 400
		for i := range many {
			l := &v1alpha1.ManualLock{ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: fmt.Sprintf("lock-%d", i), UID: types.UID(fmt.Sprint("u", i)), ResourceVersion: "100",
			}}
			name := nameOf(l)
			r.w.objects[name] = l
			r.saw(l.DeepCopy())
			if a := <-r.Ask(t.Context(), name, wish("a", 0)).Answer; a.Err != nil {
				t.Fatal(a.Err)
			}
		}
		r.has(t, "a")
		free := time.Now().Add(lock.Wait(15 * time.Second))
		b := r.Ask(t.Context(), report, wish("b", -1))
		<-time.After(5 * time.Second)
		const takes = 10 * time.Millisecond
		r.w.takes.Store(int64(takes))
		if a := <-b.Answer; a.Err != nil {
			t.Fatal(a.Err)
		}
		if late := time.Since(free); late < 0 || late > 2*takes {
			t.Errorf("b has the lock %v after it was free", late)
		}
		<-time.After(many / forNobody * takes)
		r.w.mu.Lock()
		defer r.w.mu.Unlock()
		for name, l := range r.w.objects {
			if name != report && len(l.Status.Holders) > 0 {
				t.Fatalf("%s is still held", name)
			}
		}
	})
}

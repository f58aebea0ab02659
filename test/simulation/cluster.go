package simulation

import (
	"context"
	"slices"
	"strconv"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// cluster is what kubelets and the garbage collector do about a write. They act later: the server is locked.
func (w *world) cluster(e api.Event) {
	d := rolled(w.seed, "cluster", e.Kind.String(), strconv.FormatInt(e.Version, 10))
	switch e.Kind {
	case api.Pod:
		w.kubelet(e, d)
	case api.Policy:
		if e.Type == api.Deleted {
			time.AfterFunc(d.between(10*time.Millisecond, 4*time.Second), w.collect)
		}
	case api.Lease:
		w.strike(e, d)
	case api.Node: // nobody does anything about it
	case api.Service, api.Slice:
		if e.Type != api.Deleted { // its owner may be gone already
			time.AfterFunc(d.between(10*time.Millisecond, 4*time.Second), func() { w.collectOne(e.Kind, e.Object) })
		}
	}
}

// kubelet starts pods that are new, most of which become ready, and ends those that are to be deleted.
func (w *world) kubelet(e api.Event, d *dice) {
	pod := e.Object.(*corev1.Pod)
	now := func() *corev1.Pod {
		p, _ := w.server.Read(api.Pod, client.ObjectKeyFromObject(pod)).(*corev1.Pod)
		if p == nil || p.UID != pod.UID {
			return nil
		}
		return p
	}
	switch {
	case e.Type == api.Added && d.in(0.9):
		time.AfterFunc(d.between(5*time.Millisecond, 3*time.Second), func() {
			if p := now(); p != nil && lives(p) && p.Status.Phase == corev1.PodPending {
				w.setReady(p, true)
			}
		})
	case e.Type == api.Modified && pod.DeletionTimestamp != nil && e.Old.GetDeletionTimestamp() == nil:
		stops := d.between(5*time.Millisecond, 2*time.Second)
		time.AfterFunc(stops, func() {
			if p := now(); p != nil && ready(p) {
				w.setReady(p, false)
			}
		})
		time.AfterFunc(stops+d.between(5*time.Millisecond, 8*time.Second), func() {
			if p := now(); p != nil {
				w.delete(p, client.GracePeriodSeconds(0))
			}
		})
	}
}

// strike lets a member that was just named fail before its roles are written, and the replica stop that writes them.
func (w *world) strike(e api.Event, d *dice) {
	lease := e.Object.(*coordinationv1.Lease)
	if e.Type == api.Deleted || e.By != api.Controller || lease.Spec.HolderIdentity == nil || !d.in(w.weather().malice) {
		return
	}
	w.mu.Lock()
	writer := w.writer
	w.mu.Unlock()
	holder := client.ObjectKey{Namespace: namespace, Name: *lease.Spec.HolderIdentity}
	w.count(Struck)
	time.AfterFunc(d.between(100*time.Microsecond, 30*time.Millisecond), func() {
		if p, _ := w.server.Read(api.Pod, holder).(*corev1.Pod); p != nil && ready(p) {
			w.setReady(p, false)
		}
	})
	time.AfterFunc(d.between(time.Millisecond, 60*time.Millisecond), func() { w.sleep(writer, d) })
}

// collect deletes what belongs to nobody any more.
func (w *world) collect() {
	for _, k := range []api.Kind{api.Service, api.Slice} {
		all, _ := w.server.All(k)
		for _, o := range all {
			w.collectOne(k, o)
		}
	}
}

// collectOne looks at an object as it is now, and deletes it if all its owners are gone.
func (w *world) collectOne(k api.Kind, seen client.Object) {
	o := w.server.Read(k, client.ObjectKeyFromObject(seen))
	if o == nil || o.GetUID() != seen.GetUID() || len(o.GetOwnerReferences()) == 0 {
		return
	}
	there := func(r metav1.OwnerReference) bool {
		p := w.server.Read(api.Policy, client.ObjectKey{Namespace: namespace, Name: r.Name})
		return p != nil && p.GetUID() == r.UID
	}
	if slices.ContainsFunc(o.GetOwnerReferences(), there) {
		return
	}
	uid, version := o.GetUID(), o.GetResourceVersion()
	if w.people.Delete(context.Background(), o, client.Preconditions{UID: &uid, ResourceVersion: &version}) == nil {
		w.count(Collected)
	}
}

package locks

import (
	"encoding/json"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// Reasons of events about a lock.
const (
	// EventForced: a lock was taken from its holder.
	EventForced = "Forced"
	// EventForceRefused: an order to take it could not be obeyed.
	EventForceRefused = "ForceRefused"
)

// order has an order obeyed, unless one of that lock is: whatever stays is looked at again.
func (k *Keeper) order(o *v1alpha1.ManualLock) {
	name := nameOf(o)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.obeying[name] {
		return
	}
	k.obeying[name] = true
	go func() {
		k.obey(o)
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.obeying, name)
	}()
}

// obey takes a lock from its holder, as an annotation orders that the API server has admitted. The holder's home does it while it lives.
func (k *Keeper) obey(o *v1alpha1.ManualLock) {
	name := nameOf(o)
	self, _ := k.Self.Term()
	order, err := v1alpha1.ParseForceRelease(o.Annotations[v1alpha1.ForceReleaseAnnotation])
	h := recordOf(&o.Status).Holder
	responsible, _ := k.Self.Home(name)
	if h != nil && h.Token == order.Token {
		if _, lives := k.Self.Lives(h.Home); lives || h.Home == self {
			responsible = h.Home
		}
	}
	if responsible != self {
		return
	}
	switch {
	case err != nil:
		k.refuse(o, "the annotation is malformed")
	case h == nil || h.Token != order.Token:
		k.takeOff(o) // it is done
	case h.Forced != nil && !order.Now:
		return // it is being done
	default:
		_, err := k.Force(k.life, name, lock.Force{Token: order.Token, Forced: lock.Forced{By: order.By, Reason: order.Reason}, Now: order.Now})
		if errors.Is(err, lock.ErrLost) {
			k.refuse(o, err.Error())
		}
	}
}

func (k *Keeper) refuse(o *v1alpha1.ManualLock, why string) {
	k.Recorder.Eventf(o, nil, corev1.EventTypeWarning, EventForceRefused, "ForceRelease", "not taken from its holder: %s", why)
	k.takeOff(o)
}

// takeOff takes the order off, if it is the same by now.
func (k *Keeper) takeOff(o *v1alpha1.ManualLock) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value,omitempty"`
	}
	const path = "/metadata/annotations/zen-lead~1force-release"
	patch, err := json.Marshal([]operation{
		{Op: "test", Path: "/metadata/uid", Value: string(o.UID)},
		{Op: "test", Path: path, Value: o.Annotations[v1alpha1.ForceReleaseAnnotation]},
		{Op: "remove", Path: path},
	})
	if err == nil {
		err = k.Patcher.Patch(k.life, o.DeepCopy(), client.RawPatch(types.JSONPatchType, patch))
	}
	if err != nil { // it is tried again with the next change of the lock
		log.FromContext(k.life).WithName("locks").V(1).Info("An order stays on a lock", "lock", nameOf(o).String(), "why", err.Error())
	}
}

// changed tells people of a holder that was made to go.
func (k *Keeper) changed(was *lock.Holder, now *v1alpha1.ManualLock) {
	l := now.Status.LastTransition
	if was == nil || l == nil || l.Reason != v1alpha1.LockForced || len(now.Status.Holders) > 0 && now.Status.Holders[0].RequestID == was.ID {
		return
	}
	k.Recorder.Eventf(now, nil, corev1.EventTypeWarning, EventForced, "ForceRelease", "%s", l.Message)
}

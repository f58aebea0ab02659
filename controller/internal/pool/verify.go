package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// unverified lists the pods to be read from the API server before an election is carried out: holder and successor,
// where this process may know more of the record than of the pods. It did not write the record, or it was asleep. The
// record is then of one moment and the pods are of an earlier one: the holder may not have been created yet in this
// process's view, and the successor be gone. So are those of a move away from a node that may be well.
func (o *Observed) unverified(e election) []string {
	asked := []string{o.targetName()} // people ask right after they did something to that pod
	if e.record != nil && (!o.OwnRecord || o.Drowsy || o.uncertain(e)) {
		asked = append(asked, o.holderName(), leaderName(e))
	}
	var names []string
	for _, name := range asked {
		if name != "" && !slices.Contains(o.Verified, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// uncertain says whether a move depends on what this process knows of the leader's node: it may be well, although it looks
// lost; or it is lost, which a pool that holds such leaders must know, and the pod's event came first.
func (o *Observed) uncertain(e election) bool {
	if e.replaced == nil || e.leader == e.replaced {
		return false
	}
	away := e.planned && e.reason == reasonOf[e.replaced.Standing]
	return away && e.replaced.Standing.Uncertain() || o.wantsHold() && !e.replaced.Standing.Lost()
}

func leaderName(e election) string {
	if e.leader == nil {
		return ""
	}
	return e.leader.Name
}

// holderName returns the name of the pod that the record names, "" if it names none or nobody knows the name.
func (o *Observed) holderName() string {
	if !o.Record.Held() || o.heldByStranger() {
		return ""
	}
	uid := types.UID(o.Record.Holder.UID)
	for i := range o.Members {
		if o.Members[i].UID == uid {
			return o.Members[i].Name
		}
	}
	if name := publishedName(o, uid); name != "" || o.Policy.Spec.IdentityStrategy == v1alpha1.IdentityCustom {
		return name
	}
	if len(content.IsPathSegmentName(o.Record.Holder.Identity)) > 0 {
		return "" // no pod has it: it was an identity of a member's own
	}
	return o.Record.Holder.Identity
}

// nameless says for how long an election is put off because the record names a pod that this process has not heard of,
// by an identity from which it cannot tell the pod's name: it was elected a moment ago, and its pod's event is on the way.
func (o *Observed) nameless(e election) time.Duration {
	known := !o.Record.Held() || o.heldByStranger() || o.Policy.Spec.IdentityStrategy != v1alpha1.IdentityCustom || o.holderName() != ""
	if e.record == nil || known || o.OwnRecord && !o.Drowsy {
		return 0
	}
	return max(0, staleFor-o.LeaseUnchangedFor)
}

// observePodsLive reads pods from the API server, and puts what it finds in the place of what the cache said. It also
// looks whether the policy is still there: another replica may have emptied the Lease because it is not.
func (r *Reconciler) observePodsLive(ctx context.Context, key types.NamespacedName, names []string, m *memory, now time.Time, o *Observed) error {
	pods, found, errs := make([]*corev1.Pod, len(names)), make([]bool, len(names)), make([]error, len(names)+1)
	var reads sync.WaitGroup
	for i, name := range names {
		reads.Go(func() {
			pods[i], found[i], errs[i] = get(ctx, r.Live, types.NamespacedName{Namespace: key.Namespace, Name: name}, &corev1.Pod{})
		})
	}
	reads.Go(func() { errs[len(names)] = r.confirmPolicy(ctx, key, m, now, o) })
	reads.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, name := range names {
		o.Verified = append(o.Verified, name)
		o.Members = slices.DeleteFunc(o.Members, func(m Member) bool { return m.Name == name })
		if p := pods[i]; found[i] && poolOf(p) == key.Name {
			member, err := r.member(ctx, p, m, now)
			if err == nil && (member.Standing.Uncertain() || o.wantsHold()) {
				err = r.observeNode(ctx, &member, true)
			}
			if err != nil {
				return err
			}
			o.Members = append(o.Members, member)
		}
	}
	sortByAge(o.Members)
	o.note(m, now)
	// These are newer than the Lease, however that was read. Twice: somebody may have written a term by hand.
	o.Live = o.Live && o.rereads >= 2
	return r.observePlace(ctx, key, now, o, o.acceptsTaint())
}

// sameWishes says whether two versions of a policy ask for the same.
func sameWishes(a, b *v1alpha1.LeaderPolicy) bool {
	to, asked := a.Annotations[v1alpha1.HandoverAnnotation]
	other, askedToo := b.Annotations[v1alpha1.HandoverAnnotation]
	return a.UID == b.UID && a.Generation == b.Generation && asked == askedToo && to == other
}

// confirmPolicy fails unless the policy is still there, and asks for the same.
func (r *Reconciler) confirmPolicy(ctx context.Context, key types.NamespacedName, m *memory, now time.Time, o *Observed) error {
	p, found, err := get(ctx, r.Live, key, &v1alpha1.LeaderPolicy{})
	switch {
	case err != nil:
		return err
	case !found || p.UID != o.Policy.UID || p.DeletionTimestamp != nil:
		return fmt.Errorf("%w: the watch of policies lags behind", errStale)
	case !sameWishes(p, o.Policy):
		m.remember(policyKey, p, now)
		return fmt.Errorf("%w: the policy was edited", errStale)
	}
	return nil
}

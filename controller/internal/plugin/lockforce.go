package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
)

// answerWithin is how long zen-lead may take, beyond the holder's time. It takes milliseconds.
const answerWithin = 10 * time.Second

// attempts are those at a write that meets others.
const attempts = 5

// run takes the lock from its holder and returns what became of it.
func (f *forcing) run(ctx context.Context) (string, error) {
	by, err := f.whoAmI(ctx)
	if err != nil {
		return "", err
	}
	taken, err := f.order(ctx, by)
	if err != nil {
		return "", err
	}
	within := freeWithin(taken) + answerWithin
	if !f.now {
		fmt.Fprintf(f.progress, "%s: %s hears of it with its next renewal; free within %s\n", f.key.Name, taken.holder(), seconds(freeWithin(taken)))
	}
	waiting, end := context.WithTimeout(ctx, within)
	defer end()
	said, err := f.await(waiting, taken)
	switch {
	case err == nil || waiting.Err() == nil:
		return said, err
	case ctx.Err() != nil:
		return "", errors.New("interrupted; the order stays, and is obeyed")
	default:
		return "", fmt.Errorf("not free within %s; the order stays: is a controller running? kubectl get leases -n %s", seconds(within), systemNamespace)
	}
}

// whoAmI asks the API server, which admits an order only under the name of whoever writes it. A kubeconfig need not name its user.
func (f *forcing) whoAmI(ctx context.Context) (string, error) {
	r := &authenticationv1.SelfSubjectReview{}
	if err := f.cluster.Create(ctx, r); err != nil {
		return "", fmt.Errorf("find out who you are: %w", err)
	}
	return r.Status.UserInfo.Username, nil
}

// order writes the order on the lock as it was judged, and returns that. An order that is being obeyed already is left, unless it should not
// be waited for.
func (f *forcing) order(ctx context.Context, by string) (*Lock, error) {
	token := int64(0)
	for attempt := 1; ; attempt++ {
		m, err := manualLock(ctx, f.cluster, f.key.Namespace, f.key.Name)
		if err != nil {
			return nil, err
		}
		l := lockOf(m)
		switch {
		case l.Holder == nil && token == 0:
			return nil, fmt.Errorf("%s is not held: kubectl zenlead lock why %s", l.Name, l.Name)
		case l.Holder == nil || token != 0 && token != l.Holder.Token:
			return nil, fmt.Errorf("%s changed hands meanwhile; nothing was done: kubectl zenlead lock why %s", l.Name, l.Name)
		case l.Holder.Forced != nil && !f.now:
			fmt.Fprintf(f.progress, "%s: is already taken from %s, by %s\n", l.Name, l.holder(), l.forced())
			return &l, f.from(m)
		}
		token = l.Holder.Token
		err = f.write(ctx, m, v1alpha1.ForceRelease{Token: token, By: by, Reason: f.reason, Now: f.now})
		switch {
		case err == nil:
			return &l, f.from(m)
		case !apierrors.IsConflict(err) || attempt == attempts:
			return nil, lockAdvice(err, f.key.Namespace, f.key.Name)
		}
	}
}

// write writes an order on exactly the version of the lock that was judged, and nothing else of it: this program may be older than the
// cluster, and not know all that a lock has.
func (f *forcing) write(ctx context.Context, m *v1alpha1.ManualLock, order v1alpha1.ForceRelease) error {
	judged := m.DeepCopy()
	if m.Annotations == nil {
		m.Annotations = map[string]string{}
	}
	m.Annotations[v1alpha1.ForceReleaseAnnotation] = order.String()
	return f.cluster.Patch(ctx, m, client.MergeFromWithOptions(judged, client.MergeFromWithOptimisticLock{}))
}

// from remembers the version from which on the lock tells what became of the order.
func (f *forcing) from(object client.Object) (err error) {
	f.version, err = kube.Version(object.GetResourceVersion())
	return err
}

// await watches the lock until it is decided what became of the order. The API server ends a watch after a while.
func (f *forcing) await(ctx context.Context, taken *Lock) (string, error) {
	for {
		w, err := f.cluster.Watch(ctx, &v1alpha1.ManualLockList{}, client.InNamespace(f.key.Namespace), client.MatchingFields{"metadata.name": f.key.Name})
		if err != nil {
			return "", fmt.Errorf("the order is written; its outcome is not known: %w", err)
		}
		said, decided, err := f.listen(ctx, w, taken)
		w.Stop()
		if decided || err != nil {
			return said, err
		}
	}
}

func (f *forcing) listen(ctx context.Context, w watch.Interface, taken *Lock) (said string, decided bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return "", false, ctx.Err()
		case e, open := <-w.ResultChan():
			if !open {
				return "", false, ctx.Err()
			}
			m, ok := e.Object.(*v1alpha1.ManualLock)
			if !ok {
				return "", false, fmt.Errorf("the order is written; its outcome is not known: %w", apierrors.FromObject(e.Object))
			}
			if e.Type == watch.Deleted {
				return "", false, fmt.Errorf("%s was deleted", f.key.Name)
			}
			if version, err := kube.Version(m.ResourceVersion); err != nil || version < f.version {
				continue // from before the order
			}
			now := lockOf(m)
			if said, decided, err := becameOf(taken, &now); decided {
				return said, true, err
			}
		}
	}
}

// becameOf says what became of an order to take a lock from its holder, once that is decided.
func becameOf(taken, now *Lock) (said string, decided bool, err error) {
	h := now.Holder
	if h == nil || h.Token != taken.Holder.Token {
		return fmt.Sprintf("%s: %s; %s", taken.Name, howItEnded(taken, now), whoHasIt(now)), true, nil
	}
	if h.Forced == nil && now.Asked == "" {
		return "", true, fmt.Errorf("%s: not taken from %s: the order was refused; kubectl describe manuallock %s -n %s tells why", taken.Name, taken.holder(), taken.Name, taken.Namespace)
	}
	return "", false, nil
}

func howItEnded(taken, now *Lock) string {
	reason := ""
	if now.LastTransition != nil {
		reason = now.LastTransition.Reason
	}
	switch reason {
	case v1alpha1.LockForced:
		return "taken from " + taken.holder()
	case v1alpha1.LockReleased:
		return taken.holder() + " released it"
	case v1alpha1.LockUndelivered:
		return taken.holder() + " had gone before it heard of its grant"
	case v1alpha1.LockExpired:
		return taken.holder() + " was not heard of for its ttl"
	default:
		return taken.holder() + " holds it no more"
	}
}

func whoHasIt(l *Lock) string {
	if l.Holder == nil {
		return "free"
	}
	return fmt.Sprintf("%s holds it, with token %d", l.holder(), l.Holder.Token)
}

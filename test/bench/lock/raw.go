package lock

import (
	"context"
	"fmt"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
	"github.com/kube-zen/zen-lead/test/bench/swap"
)

// raw swaps the status of a ManualLock that zen-lead does not look at meanwhile, with the library, the account and the admission that
// zen-lead's own writes have: one PUT with the version that it was made on. It is for one goroutine.
type raw struct {
	status client.SubResourceWriter
	object *v1alpha1.ManualLock
	// home is a replica that lives: it waits for a sign of life, and no other looks at the lock.
	home string
	n    int64
}

// rawClient is a connection for raw writers.
func (r *rig) rawClient() (client.Client, error) {
	config := swap.OwnConnection(r.asZenLead)
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	c, err := client.New(config, client.Options{Scheme: r.scheme, HTTPClient: transport})
	if err != nil {
		return nil, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	return c, nil
}

// newRaw makes a lock of the shape that one has for which so many contend.
func (r *rig) newRaw(ctx context.Context, c client.Client, name string, contenders int) (*raw, error) {
	o, err := r.addLock(ctx, name)
	if err != nil {
		return nil, err
	}
	home, err := r.controllers[0].Lease()
	if err != nil {
		return nil, err
	}
	w := &raw{status: c.Status(), object: o, home: home, n: 1}
	// Who gave the lock up has not asked again when the next one is granted it.
	o.Status.Waiters = make([]v1alpha1.LockWaiter, max(0, min(contenders-2, lock.Durable)))
	o.Status.Waiting = new(int32(max(0, contenders-2))) //nolint:gosec // a few thousand
	o.Status.Holders = make([]v1alpha1.LockHolder, 1)
	o.Status.Finished = make([]string, lock.DurablyEnded)
	_, err = w.swap(ctx)
	return w, err
}

// swap is one hand-over: another holder, and the line moves up.
func (w *raw) swap(ctx context.Context) (time.Duration, error) {
	now := metav1.NowMicro()
	s := &w.object.Status
	version, err := strconv.ParseInt(w.object.ResourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	w.n++
	s.Token = max(s.Token+1, version) // no other is admitted
	s.Holders[0] = v1alpha1.LockHolder{
		RequestID: w.id(0), Owner: w.owner(0), Account: account, Token: s.Token, Since: &now, TTLSeconds: int32(ttl / time.Second), Home: w.home,
	}
	for i := range s.Waiters {
		s.Waiters[i] = v1alpha1.LockWaiter{RequestID: w.id(i + 1), Owner: w.owner(i + 1), Account: account, Since: &now}
	}
	for i := range s.Finished {
		s.Finished[i] = fmt.Sprintf("%011d", w.n-int64(i)) // as long as a mark
	}
	s.LastTransition = &v1alpha1.LockTransition{Reason: string(lock.Released), Time: &now, Message: fmt.Sprintf("%s released it; %s got it", w.owner(-1), w.owner(0))}
	w.object.ManagedFields = nil // as they are
	sent := time.Now()
	if err := w.status.Update(ctx, w.object); err != nil {
		return 0, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	return time.Since(sent), nil
}

// ask makes it one of callers that do nothing else.
func (w *raw) ask(ctx context.Context) error {
	_, err := w.swap(ctx)
	return err
}

// account is how long the name of one is.
const account = "system:serviceaccount:" + ours + ":contender-0"

func (w *raw) id(i int) string    { return fmt.Sprintf("RAW%023d", w.n+int64(i)) }
func (w *raw) owner(i int) string { return fmt.Sprintf("contender-%d", 100+(w.n+int64(i))%900) }

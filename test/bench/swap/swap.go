// Package swap is the measure of all latencies: one raw compare-and-swap of a Lease.
package swap

import (
	"context"
	"fmt"
	"net"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

// holders is how many there are, in turn.
const holders = 3

// Raw swaps a Lease like those of pools (protobuf, the same few annotations by other names, fields untracked) on a
// connection of its own, with nothing else going on. It bears no annotation of zen-lead's, so no admission policy looks at
// it, and it is written by the administrator, for whom authorisation costs nothing: the measure is as short as it can be.
// It is not safe for concurrent use.
type Raw struct {
	leases coordinationclient.LeaseInterface
	lease  *coordinationv1.Lease
}

// New makes the Lease, in a namespace that exists.
func New(ctx context.Context, config *rest.Config, namespace string) (*Raw, error) {
	client, err := kubernetes.NewForConfig(Protobuf(OwnConnection(config)))
	if err != nil {
		return nil, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	r := &Raw{leases: client.CoordinationV1().Leases(namespace)}
	r.lease, err = r.leases.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "raw-0000",
			Labels:      map[string]string{"raw/pool": "raw-0000"},
			Annotations: map[string]string{"raw/term-base": "100000", "raw/holder-uid": "5f3e8a1c-5b0e-4f43-9d0a-3a4b62c1d0e7"},
		},
		Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: new(int32(2147483647)), LeaseTransitions: new(int32(0))},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	r.lease.ManagedFields = []metav1.ManagedFieldsEntry{{}}
	_, err = r.Swap(ctx)
	return r, err
}

// Swap changes the holder and returns how long that took.
func (r *Raw) Swap(ctx context.Context) (time.Duration, error) {
	now := metav1.NowMicro()
	*r.lease.Spec.LeaseTransitions++
	holder := fmt.Sprintf("raw-0000-%d", *r.lease.Spec.LeaseTransitions%holders)
	r.lease.Spec.HolderIdentity, r.lease.Spec.AcquireTime, r.lease.Spec.RenewTime = &holder, &now, &now
	sent := time.Now()
	lease, err := r.leases.Update(ctx, r.lease, metav1.UpdateOptions{})
	took := time.Since(sent)
	if err != nil {
		return 0, fmt.Errorf("raw compare-and-swap: %w", err)
	}
	r.lease = lease
	return took, nil
}

// OwnConnection keeps client-go from sharing a connection with another client.
func OwnConnection(c *rest.Config) *rest.Config {
	c = rest.CopyConfig(c)
	c.Dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	return c
}

// Protobuf speaks as programs do that care.
func Protobuf(c *rest.Config) *rest.Config {
	c = rest.CopyConfig(c)
	c.ContentType = "application/vnd.kubernetes.protobuf"
	c.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return c
}

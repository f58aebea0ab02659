package replica

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// LeasePrefix begins the name of each replica's Lease. A policy's name has no dot, so no pool has such a Lease.
const LeasePrefix = "zen-lead."

// managedBy is the label of all that zen-lead makes.
const managedBy = "app.kubernetes.io/managed-by"

const (
	// duration is how long a replica counts as there after its Lease changed.
	duration = 15 * time.Second
	// renewEvery lets two renewals fail before that has passed.
	renewEvery = duration / 3
	// abandonedAfter is when the Lease of a replica that never came back is deleted. A replica that slept longer makes
	// its Lease again.
	abandonedAfter = time.Hour
)

// Replica is this process among the replicas. Its methods are safe for concurrent use, except Release.
type Replica struct {
	// Client writes, Live reads Leases from the API server.
	Client client.Writer
	Live   client.Reader
	// Namespace is its Lease's.
	Namespace string
	// Address is where other replicas reach its API by gRPC, as host:port; "" if there is none. It is set before Start.
	Address string
	// Now is the clock; its readings are only compared with one another, and shown to people.
	Now func() time.Time

	peers peers
	own   own
	held  lease
	echo  echo
	// newcomer has the Lease renewed at once: who has just begun knows of the others only when their Leases change.
	newcomer chan struct{}
}

// Prefers says whether a pool prefers this replica.
func (r *Replica) Prefers(pool types.NamespacedName) bool {
	self := r.own.current()
	return r.preferredFor(pool, self) == self
}

// preferredFor returns the replica that is preferred for something of that name.
func (r *Replica) preferredFor(name types.NamespacedName, self string) string {
	live := r.peers.live(r.Now())
	if !slices.Contains(live, self) {
		live = append(live, self) // whoever asks is there, even if nobody hears of it
	}
	return preferred(live, name.String())
}

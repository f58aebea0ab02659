package snapshot

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// State is who leads a pool.
type State struct {
	Pool types.NamespacedName
	// Leader is the zero Leader while nobody leads.
	Leader Leader
	// Term is 0 while nobody has led.
	Term int64
	// Since is when the leader last changed, the zero time while nobody has led.
	Since     time.Time
	Guarantee v1alpha1.Guarantee
}

// Leader is the member that leads. What is not known of it is "".
type Leader struct {
	Name, UID, IP, Node string
}

// Revision orders the states of a pool: by term, then by the version of the objects that a state was read from. Those of two
// replicas can be compared, as both versions are etcd's.
type Revision struct {
	Term, Version int64
}

// Before says whether r is older than o.
func (r Revision) Before(o Revision) bool {
	return r.Term < o.Term || r.Term == o.Term && r.Version < o.Version
}

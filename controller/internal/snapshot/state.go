package snapshot

import (
	"fmt"
	"hash/crc32"
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

// Revision says what a state was read from, and what it says. Each watch tells in the order of versions, and those are etcd's, so that
// any replica can tell whether it has heard of all that another one had.
type Revision struct {
	Term int64
	// Lease and Policy are the latest versions of either that were heard of.
	Lease, Policy int64
	// Sum is that of the state: other states have others.
	Sum uint32
}

func (s State) sum() uint32 {
	return crc32.ChecksumIEEE(fmt.Appendf(nil, "%q %d %d %q", s.Leader, s.Term, s.Since.UnixMicro(), s.Guarantee))
}

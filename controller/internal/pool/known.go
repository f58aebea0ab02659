package pool

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// HeldForever is the leaseDurationSeconds of a Lease that zen-lead holds for a member: nobody renews it, and electors
// that respect the record (client-go's) keep away.
const HeldForever int32 = 2147483647

const heldForever = time.Duration(HeldForever) * time.Second

// made says whether this pool made the Lease: it bears the pool's label. Its base comes with the first grant; between
// the two it is ours, although it says nothing of terms.
func (o *Observed) made() bool { return o.Lease.Labels[v1alpha1.PoolLabel] == o.Name }

// heldByStranger says whether somebody else wrote himself into a Lease of ours. zen-lead holds for ever; whoever
// renews does not.
func (o *Observed) heldByStranger() bool {
	d := o.Lease.Spec.LeaseDurationSeconds
	return o.Record.Held() && (d == nil || *d != HeldForever)
}

// The largest terms that are believed once the Lease, the one truth, is lost. Somebody may have written any number by
// hand, and above the largest one there is no term left. Real terms begin at a version of the cluster and grow by one:
// they never come near. What many may write (pods, slices) counts for less than the status, so that the term after the
// largest such number is still believed.
const (
	mostOfStatus = term.Max - 1<<32
	mostOfOthers = term.Max / 2
)

// claim is what a derived record (status, slice, role) remembers of a leader.
type claim struct {
	term term.Number
	uid  types.UID
}

// claims lists all that is remembered of leaders.
func claims(o Observed) []claim {
	all := published(o)
	for i := range o.Members {
		m := &o.Members[i]
		c := claim{term: believed(m.Role.Term, mostOfOthers)}
		if m.Role.Annotation == v1alpha1.RoleLeader {
			c.uid = m.UID
		}
		all = append(all, c)
	}
	return all
}

// published lists what status and slices say of leaders.
func published(o Observed) []claim {
	var all []claim
	if o.Policy != nil {
		c := claim{term: believed(term.Number(o.Policy.Status.Term), mostOfStatus)}
		if h := o.Policy.Status.CurrentHolder; h != nil {
			c.uid = h.UID
		}
		all = append(all, c)
	}
	for i := range o.Slices {
		s := &o.Slices[i]
		c := claim{term: believed(kube.Term(s.Annotations[v1alpha1.TermAnnotation]), mostOfOthers)}
		if len(s.Endpoints) == 1 && s.Endpoints[0].TargetRef != nil {
			c.uid = s.Endpoints[0].TargetRef.UID
		}
		all = append(all, c)
	}
	return all
}

func believed(t, most term.Number) term.Number {
	if !t.Valid() || t > most {
		return 0
	}
	return t
}

// known returns the largest term that anything still remembers, 0 if nothing does.
func known(o Observed) (largest term.Number) {
	for _, c := range claims(o) {
		largest = max(largest, c.term)
	}
	return largest
}

// lastLeader returns the member that led in the largest remembered term, nil if it is no member any more.
func lastLeader(o Observed) *Member {
	var last claim
	for _, c := range claims(o) {
		if c.uid != "" && c.term > last.term {
			last = c
		}
	}
	for i := range o.Members {
		if o.Members[i].UID == last.uid && last.uid != "" {
			return &o.Members[i]
		}
	}
	return nil
}

package pool

import "slices"

// proveDeath empties the Lease of a holder whose pod is known to have ended, so that the others need not wait for its duration; nil
// where that is not known. The pod is read from the API server after the Lease: what ended may have held an earlier version.
func (o *Observed) proveDeath() *Plan {
	if !o.Ours || !o.Record.Held() || o.namedUID() == "" {
		return nil
	}
	m := o.holdingMember()
	switch {
	case m == nil || !m.Ended || !o.believesKubelets():
		return nil
	case o.rereads == 0:
		return &Plan{Reread: true}
	case !slices.Contains(o.Verified, m.Name):
		return &Plan{Verify: []string{m.Name}}
	}
	empty := o.Record.Empty()
	return &Plan{Record: &empty, After: retryAfter}
}

// believesKubelets says whether the policy takes what a kubelet reports of a pod for proof.
func (o *Observed) believesKubelets() bool {
	f := o.Policy.Spec.Failover
	return f == nil || f.ProofOfDeath == nil || *f.ProofOfDeath
}

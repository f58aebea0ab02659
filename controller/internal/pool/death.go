package pool

import "slices"

// proveDeath empties the Lease of a holder whose pod is known to run nowhere any more, so that the others need not wait for its
// duration; nil where that is not known. Pod and node are read from the API server after the Lease: what ended may have held an
// earlier version.
func (o *Observed) proveDeath() *Plan {
	if !o.Ours || !o.Record.Held() || o.namedUID() == "" {
		return nil
	}
	pod := o.dead()
	switch {
	case pod == "":
		return nil
	case o.rereads == 0:
		return &Plan{Reread: true}
	case !slices.Contains(o.Verified, pod):
		return &Plan{Verify: []string{pod}}
	}
	empty := o.Record.Empty()
	return &Plan{Record: &empty, After: retryAfter}
}

// dead returns the name of the holder's pod where something proves it dead that the policy accepts, "" else. A pod that is gone
// proves nothing by that.
func (o *Observed) dead() string {
	switch m := o.holdingMember(); {
	case m != nil && m.Ended && o.believesKubelets():
		return m.Name
	case o.acceptsTaint() && o.fenced():
		return o.Place.pod
	}
	return ""
}

// fenced says whether the node of the holder's pod is off, as somebody vouches. A holder that gave a sign of life after the taint
// was there shows that it vouches for an earlier time: somebody forgot it, or was wrong.
func (o *Observed) fenced() bool {
	return o.Place != nil && o.Place.off && o.Program.unchangedFor >= o.Place.taintedFor
}

// believesKubelets says whether the policy takes what a kubelet reports of a pod for proof.
func (o *Observed) believesKubelets() bool {
	f := o.Policy.Spec.Failover
	return f == nil || f.ProofOfDeath == nil || *f.ProofOfDeath
}

// acceptsTaint says whether the policy takes the taint node.kubernetes.io/out-of-service for proof.
func (o *Observed) acceptsTaint() bool {
	f := o.Policy.Spec.Failover
	return f != nil && f.OutOfServiceTaint != nil && *f.OutOfServiceTaint
}

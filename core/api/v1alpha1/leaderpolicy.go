package v1alpha1

// ServiceName returns the name of the policy's leader Service, or "" where it has none.
func (p *LeaderPolicy) ServiceName() string {
	switch s := p.Spec.Service; {
	case s == nil:
		return p.Name + LeaderServiceSuffix
	case s.Disabled:
		return ""
	case s.Name != "":
		return s.Name
	default:
		return p.Name + LeaderServiceSuffix
	}
}

// Observes returns the name of the Lease on which the program in the pods elects itself, "" where zen-lead elects.
func (p *LeaderPolicy) Observes() string {
	switch {
	case p.Spec.Mode != ModeObserve:
		return ""
	case p.Spec.LeaseName != "":
		return p.Spec.LeaseName
	default:
		return p.Name
	}
}

package pool

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/core/term"
)

// sliceManager marks EndpointSlices as zen-lead's; the built-in controllers touch only what bears their own name.
const sliceManager = "zen-lead.kube-zen.io"

// publish adds to the plan what makes the leader Service point at the leader of term t.
func publish(o Observed, p *Plan, t term.Number) {
	p.RemoveServices = o.Outdated
	if o.Policy.ServiceName() == "" || o.serviceConflict() {
		// Slices under a stranger's Service would send its traffic to the leader.
		p.RemoveSlices = o.Slices
		return
	}
	s, write := service(o, p.Leader)
	if write {
		p.Service = s
	}
	if s == nil || !t.Valid() {
		return
	}
	publishSlices(o, p, s, t)
}

// serviceConflict says whether somebody else's Service has the leader Service's name.
func (o *Observed) serviceConflict() bool { return o.Service != nil && !owned(o.Service, o.Name) }

func publishSlices(o Observed, p *Plan, s *corev1.Service, t term.Number) {
	existing := map[string]*discoveryv1.EndpointSlice{}
	for i := range o.Slices {
		existing[o.Slices[i].Name] = &o.Slices[i]
	}
	for _, family := range []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6} {
		name := sliceName(s.Name, family)
		old := existing[name]
		delete(existing, name)
		address := addressOf(p.Leader, family)
		if old == nil && address == "" {
			continue
		}
		if wanted := endpointSlice(o, s, p.Leader, address, old, family, t); wanted != nil {
			p.Slices = append(p.Slices, *wanted)
		}
	}
	for i := range o.Slices {
		if _, left := existing[o.Slices[i].Name]; left {
			p.RemoveSlices = append(p.RemoveSlices, o.Slices[i])
		}
	}
}

func sliceName(service string, family discoveryv1.AddressType) string {
	return service + "-" + strings.ToLower(string(family))
}

// endpointSlice returns the slice of one address family as it should be, nil if it is that already.
func endpointSlice(o Observed, s *corev1.Service, leader *Member, address string, old *discoveryv1.EndpointSlice, family discoveryv1.AddressType, t term.Number) *discoveryv1.EndpointSlice {
	e := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: o.Namespace, Name: sliceName(s.Name, family)},
		AddressType: family,
	}
	if old != nil {
		e = old.DeepCopy()
	}
	if e.Annotations[v1alpha1.TermAnnotation] == "" { // new, or as it was created
		e.ManagedFields = untracked()
	}
	adopt(e, o.Policy)
	e.Labels[discoveryv1.LabelServiceName] = s.Name
	e.Labels[discoveryv1.LabelManagedBy] = sliceManager
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		e.Labels[corev1.IsHeadlessService] = ""
	}
	metav1.SetMetaDataAnnotation(&e.ObjectMeta, v1alpha1.TermAnnotation, kube.FormatTerm(t))
	e.Endpoints, e.Ports = nil, nil
	if address != "" {
		e.Endpoints = []discoveryv1.Endpoint{endpoint(o.Namespace, leader, address)}
		e.Ports = slicePorts(o, s, leader)
	}
	if old != nil && equality.Semantic.DeepEqual(old, e) {
		return nil
	}
	return e
}

// endpoint mirrors the pod: a leader that is kept although it is not ready gets no traffic.
func endpoint(namespace string, leader *Member, address string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{
		Addresses: []string{address},
		Conditions: discoveryv1.EndpointConditions{
			Ready: new(leader.Ready && !leader.Terminating), Serving: new(leader.Ready), Terminating: new(leader.Terminating),
		},
		TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: leader.Name, UID: leader.UID},
	}
	if leader.Node != "" {
		e.NodeName = new(leader.Node)
	}
	return e
}

// target is what a port of the Service points at on the leader. Where the policy does not name the ports they are those
// of the first leader; another version of the program may listen elsewhere under the same name.
func (o *Observed) target(p corev1.ServicePort) intstr.IntOrString {
	if s := o.Policy.Spec.Service; s != nil && s.Ports != nil {
		return p.TargetPort
	}
	return intstr.FromString(p.Name)
}

// slicePorts gives each port of the Service the number that it has on the leader. A port that the leader does not
// have is left out.
func slicePorts(o Observed, s *corev1.Service, leader *Member) []discoveryv1.EndpointPort {
	var ports []discoveryv1.EndpointPort
	for _, p := range s.Spec.Ports {
		if number := numberOn(leader, o.target(p), p.Protocol); number != 0 {
			ports = append(ports, discoveryv1.EndpointPort{
				Name: new(p.Name), Port: new(number), Protocol: new(p.Protocol), AppProtocol: p.AppProtocol,
			})
		}
	}
	return ports
}

// numberOn returns the number of a target port on the leader, 0 if it has no port of that name.
func numberOn(leader *Member, target intstr.IntOrString, proto corev1.Protocol) int32 {
	if target.Type == intstr.Int {
		return target.IntVal
	}
	for _, c := range leader.Ports {
		if portName(c) == target.StrVal && protocol(c.Protocol) == proto {
			return c.ContainerPort
		}
	}
	return 0
}

func addressOf(leader *Member, family discoveryv1.AddressType) string {
	if leader == nil {
		return ""
	}
	for _, ip := range leader.IPs {
		a, err := netip.ParseAddr(ip)
		if err == nil && a.Is4() == (family == discoveryv1.AddressTypeIPv4) {
			return ip
		}
	}
	return ""
}

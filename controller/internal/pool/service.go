package pool

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// Labels of objects that zen-lead makes, beside v1alpha1.PoolLabel.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "zen-lead"
)

// ownLabels are on every object that zen-lead makes for a pool.
func ownLabels(pool string) map[string]string {
	return map[string]string{managedByLabel: managedBy, v1alpha1.PoolLabel: pool}
}

// owned says whether zen-lead made the object for the pool. Either mark counts, so that taking one off by hand does not
// orphan it; the other is repaired.
func owned(o metav1.Object, pool string) bool {
	for _, r := range o.GetOwnerReferences() {
		if r.Kind == "LeaderPolicy" && r.Name == pool && r.APIVersion == v1alpha1.GroupVersion.String() {
			return true
		}
	}
	l := o.GetLabels()
	return l[managedByLabel] == managedBy && l[v1alpha1.PoolLabel] == pool
}

// adopt puts both marks on an object, and reports whether one was missing. A reference to an earlier policy of the same
// name is replaced, or the garbage collector would delete the object.
func adopt(o metav1.Object, p *v1alpha1.LeaderPolicy) (changed bool) {
	ref := metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "LeaderPolicy", Name: p.Name, UID: p.UID, Controller: new(true),
	}
	refs := slices.DeleteFunc(slices.Clone(o.GetOwnerReferences()), func(r metav1.OwnerReference) bool {
		return r.Kind == ref.Kind && r.Name == ref.Name
	})
	refs = append(refs, ref)
	if !slices.EqualFunc(refs, o.GetOwnerReferences(), sameOwner) {
		o.SetOwnerReferences(refs)
		changed = true
	}
	labels := maps.Clone(o.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, ownLabels(p.Name))
	if !maps.Equal(labels, o.GetLabels()) {
		o.SetLabels(labels)
		changed = true
	}
	return changed
}

func sameOwner(a, b metav1.OwnerReference) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.UID == b.UID
}

// The label LabelSkipMirror is for the Endpoints object that the built-in controller makes when somebody gives the
// Service a selector: it copies the Service's labels, and outlives the selector. With this one it is not mirrored into
// slices that would publish every pod.

// service returns the leader Service as it should be, and whether it has to be written. It is nil as long as its ports
// are not known: they come from the policy or from the first leader.
func service(o Observed, leader *Member) (s *corev1.Service, write bool) {
	wanted := o.Policy.Spec.Service
	if o.Service != nil {
		return repaired(o)
	}
	if leader == nil && (wanted == nil || wanted.Ports == nil) {
		return nil, false
	}
	s = &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Policy.ServiceName(), Labels: map[string]string{discoveryv1.LabelSkipMirror: "true"}},
		Spec: corev1.ServiceSpec{
			Type:           corev1.ServiceTypeClusterIP,
			IPFamilyPolicy: new(corev1.IPFamilyPolicyPreferDualStack),
			Ports:          servicePorts(o.Policy, leader),
		},
	}
	if len(s.Spec.Ports) == 0 {
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
	adopt(s, o.Policy)
	return s, true
}

// repaired compares only what zen-lead decides; everything else on the Service is its users' to set. Ports that the
// policy does not name stay those of the first leader.
func repaired(o Observed) (s *corev1.Service, write bool) {
	s = o.Service.DeepCopy()
	write = adopt(s, o.Policy)
	if s.Labels[discoveryv1.LabelSkipMirror] != "true" {
		s.Labels[discoveryv1.LabelSkipMirror], write = "true", true
	}
	if len(s.Spec.Selector) > 0 { // the built-in controllers would mix every pod that it selects into the endpoints
		s.Spec.Selector, write = nil, true
	}
	if s.Spec.Type != corev1.ServiceTypeClusterIP {
		s.Spec.Type, write = corev1.ServiceTypeClusterIP, true
	}
	if wanted := o.Policy.Spec.Service; wanted != nil && wanted.Ports != nil {
		if ports := servicePorts(o.Policy, nil); !slices.EqualFunc(ports, s.Spec.Ports, samePort) {
			s.Spec.Ports, write = ports, true
		}
	}
	return s, write
}

func samePort(a, b corev1.ServicePort) bool {
	return a.Name == b.Name && a.Port == b.Port && a.Protocol == b.Protocol && a.TargetPort == b.TargetPort
}

func servicePorts(p *v1alpha1.LeaderPolicy, leader *Member) []corev1.ServicePort {
	var ports []corev1.ServicePort
	if p.Spec.Service != nil && p.Spec.Service.Ports != nil {
		for _, w := range p.Spec.Service.Ports {
			ports = append(ports, corev1.ServicePort{
				Name: w.Name, Port: w.Port, Protocol: protocol(corev1.Protocol(w.Protocol)), TargetPort: targetPort(w),
			})
		}
		return ports
	}
	for _, c := range leader.Ports {
		name := portName(c)
		taken := slices.ContainsFunc(ports, func(q corev1.ServicePort) bool {
			return q.Name == name || q.Port == c.ContainerPort && q.Protocol == protocol(c.Protocol)
		})
		if !taken {
			ports = append(ports, corev1.ServicePort{
				Name: name, Port: c.ContainerPort, Protocol: protocol(c.Protocol), TargetPort: intstr.FromInt32(c.ContainerPort),
			})
		}
	}
	return ports
}

func targetPort(w v1alpha1.LeaderServicePort) intstr.IntOrString {
	if w.TargetPort != nil {
		return *w.TargetPort
	}
	return intstr.FromInt32(w.Port)
}

// portName names a container port in the Service: its own name, or one made from its number.
func portName(c corev1.ContainerPort) string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("port-%d", c.ContainerPort)
}

func protocol(p corev1.Protocol) corev1.Protocol {
	if p == "" {
		return corev1.ProtocolTCP
	}
	return p
}

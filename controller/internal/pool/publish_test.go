package pool

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func ports(p ...corev1.ContainerPort) func(*Member) { return func(m *Member) { m.Ports = p } }
func ips(all ...string) func(*Member)               { return func(m *Member) { m.IPs = all } }

func withService(o Observed, s v1alpha1.LeaderService) Observed {
	o.Policy.Spec.Service = &s
	return o
}

// existing lets the Service be there as zen-lead made it for the first leader.
func existing(o Observed, ports ...corev1.ServicePort) Observed {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: o.Policy.ServiceName(), UID: "svc", ResourceVersion: "9", Labels: map[string]string{discoveryv1.LabelSkipMirror: "true"}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: ports},
	}
	adopt(s, o.Policy)
	o.Service = s
	return o
}

func port(name string, number int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(number)}
}

func TestTheServiceIsMadeForTheFirstLeader(t *testing.T) {
	for name, tc := range map[string]struct {
		observed Observed
		service  string
		ports    []corev1.ServicePort
		headless bool
	}{
		"its ports are the container ports, unnamed ones by their number": {
			observed("", member("a", ports(corev1.ContainerPort{Name: "http", ContainerPort: 8080}, corev1.ContainerPort{ContainerPort: 9000}))),
			"web-leader", []corev1.ServicePort{port("http", 8080), port("port-9000", 9000)}, false},
		"two containers with one port number publish it once": {
			observed("", member("a", ports(corev1.ContainerPort{Name: "http", ContainerPort: 8080}, corev1.ContainerPort{Name: "again", ContainerPort: 8080}))),
			"web-leader", []corev1.ServicePort{port("http", 8080)}, false},
		"a pod without ports gets a headless Service": {
			observed("", member("a", ports())), "web-leader", nil, true},
		"the policy names it": {
			withService(observed("", member("a")), v1alpha1.LeaderService{Name: "primary"}), "primary", []corev1.ServicePort{port("http", 8080)}, false},
		"the policy names its ports, so it need not wait for a leader": {
			withService(observed(""), v1alpha1.LeaderService{Ports: []v1alpha1.LeaderServicePort{{Name: "web", Port: 80, TargetPort: new(intstr.FromString("http"))}}}),
			"web-leader", []corev1.ServicePort{{Name: "web", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := Decide(tc.observed, epoch).Service
			if s == nil || s.Name != tc.service || (s.Spec.ClusterIP == corev1.ClusterIPNone) != tc.headless || s.Spec.Selector != nil {
				t.Fatalf("service %+v", s)
			}
			if len(s.Spec.Ports) != len(tc.ports) {
				t.Fatalf("ports %+v, want %+v", s.Spec.Ports, tc.ports)
			}
			for i := range tc.ports {
				if !samePort(s.Spec.Ports[i], tc.ports[i]) {
					t.Errorf("port %+v, want %+v", s.Spec.Ports[i], tc.ports[i])
				}
			}
		})
	}
}

func TestNoServiceIsMade(t *testing.T) {
	for name, o := range map[string]Observed{
		"without a leader its ports are not known": observed(""),
		"the policy disables it":                   withService(observed("", member("a")), v1alpha1.LeaderService{Disabled: true}),
		"it is as it should be":                    existing(observed("a", member("a")), port("http", 8080)),
	} {
		t.Run(name, func(t *testing.T) {
			if s := Decide(o, epoch).Service; s != nil {
				t.Errorf("service %+v", s)
			}
		})
	}
}

func TestTheServiceIsRepaired(t *testing.T) {
	edit := func(f func(*corev1.Service)) Observed {
		o := existing(observed("a", member("a")), port("http", 8080))
		f(o.Service)
		return o
	}
	for name, o := range map[string]Observed{
		"a selector is taken off":               edit(func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "web"} }),
		"the type is ClusterIP":                 edit(func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }),
		"the labels come back":                  edit(func(s *corev1.Service) { s.Labels = nil }),
		"the owner comes back":                  edit(func(s *corev1.Service) { s.OwnerReferences = nil }),
		"an earlier policy's owner is replaced": edit(func(s *corev1.Service) { s.OwnerReferences[0].UID = "earlier" }),
		"ports follow the policy that names them": withService(edit(func(*corev1.Service) {}),
			v1alpha1.LeaderService{Ports: []v1alpha1.LeaderServicePort{{Name: "http", Port: 80}}}),
	} {
		t.Run(name, func(t *testing.T) {
			s := Decide(o, epoch).Service
			if s == nil || s.Spec.Selector != nil || s.Spec.Type != corev1.ServiceTypeClusterIP || !owned(s, "web") || s.OwnerReferences[0].UID != "policy" {
				t.Errorf("service %+v", s)
			}
			if s != nil && (s.UID != "svc" || s.ResourceVersion != "9") {
				t.Errorf("it does not replace the version that was judged: %s %s", s.UID, s.ResourceVersion)
			}
		})
	}
}

func TestAStrangersServiceIsNotTouched(t *testing.T) {
	o := existing(observed("a", member("a")), port("http", 8080))
	o.Service.Labels, o.Service.OwnerReferences = nil, nil
	o.Slices = []discoveryv1.EndpointSlice{{ObjectMeta: metav1.ObjectMeta{Name: "web-leader-ipv4"}}}
	p := Decide(o, epoch)
	if p.Service != nil || p.Slices != nil || len(p.RemoveSlices) != 1 {
		t.Errorf("service %v, slices %v, removed %v; want only the slice removed", p.Service, p.Slices, p.RemoveSlices)
	}
}

func TestSlices(t *testing.T) {
	type slice struct {
		name, address, pod string
		ready              bool
		port               int32
	}
	for name, tc := range map[string]struct {
		observed Observed
		want     []slice
	}{
		"the slice names the leader": {
			existing(observed("a", member("a")), port("http", 8080)),
			[]slice{{"web-leader-ipv4", "10.0.0.1", "a", true, 8080}}},
		"each address family has a slice": {
			existing(observed("a", member("a", ips("10.0.0.1", "fd00::1"))), port("http", 8080)),
			[]slice{{"web-leader-ipv4", "10.0.0.1", "a", true, 8080}, {"web-leader-ipv6", "fd00::1", "a", true, 8080}}},
		"a leader that is kept unready gets no traffic": {
			existing(observed("a", member("a", unready)), port("http", 8080)),
			[]slice{{"web-leader-ipv4", "10.0.0.1", "a", false, 8080}}},
		"a leader that listens elsewhere under the same name is found by it": {
			existing(observed("a", member("a", ports(corev1.ContainerPort{Name: "http", ContainerPort: 9999}))), port("http", 8080)),
			[]slice{{"web-leader-ipv4", "10.0.0.1", "a", true, 9999}}},
		"a port that the leader does not have is left out": {
			existing(observed("a", member("a", ports())), port("http", 8080)),
			[]slice{{"web-leader-ipv4", "10.0.0.1", "a", true, 0}}},
		"a number that the policy gives is taken as it stands": {
			existing(withService(observed("a", member("a")), v1alpha1.LeaderService{Ports: []v1alpha1.LeaderServicePort{{Name: "http", Port: 80, TargetPort: new(intstr.FromInt32(7777))}}}),
				corev1.ServicePort{Name: "http", Port: 80, Protocol: "TCP", TargetPort: intstr.FromInt32(7777)}),
			[]slice{{"web-leader-ipv4", "10.0.0.1", "a", true, 7777}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []slice
			for _, s := range Decide(tc.observed, epoch).Slices {
				if s.Annotations["zen-lead/term"] != "101" || s.Labels["kubernetes.io/service-name"] != "web-leader" {
					t.Errorf("metadata %+v", s.ObjectMeta)
				}
				g := slice{name: s.Name}
				for _, e := range s.Endpoints {
					g.address, g.pod, g.ready = e.Addresses[0], e.TargetRef.Name, *e.Conditions.Ready
				}
				for _, p := range s.Ports {
					g.port = *p.Port
				}
				got = append(got, g)
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %+v, want %+v", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("got %+v, want %+v", got[i], tc.want[i])
				}
			}
		})
	}
}

func TestASliceWithoutLeaderStaysEmpty(t *testing.T) {
	o := existing(observed("a", member("a")), port("http", 8080))
	carryOut(&o, Decide(o, epoch))
	o.Members = nil
	p := Decide(o, epoch)
	if len(p.Slices) != 1 || len(p.Slices[0].Endpoints) != 0 || p.RemoveSlices != nil {
		t.Errorf("slices %+v, removed %+v; want one empty slice", p.Slices, p.RemoveSlices)
	}
}

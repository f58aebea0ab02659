package api_test

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// oneOfEach are new objects of all kinds.
func oneOfEach(s *server) []client.Object {
	return []client.Object{newPod(s, "x", ""), newLease(s), newService(s), newSlice(s), newPolicy(s)}
}

func newLease(s *server) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: s.meta("x"), Spec: coordinationv1.LeaseSpec{LeaseDurationSeconds: new(int32(1))}}
}

func newService(s *server) *corev1.Service {
	return &corev1.Service{ObjectMeta: s.meta("x"), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
	}}
}

func newSlice(s *server) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{ObjectMeta: s.meta("x"), AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{}}
}

func newPolicy(s *server) *v1alpha1.LeaderPolicy {
	return &v1alpha1.LeaderPolicy{ObjectMeta: s.meta("x")}
}

func newPod(s *server, name, pool string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: s.meta(name), Spec: corev1.PodSpec{
		SchedulerName: "none", Containers: []corev1.Container{{Name: "app", Image: "app.invalid/app:1"}},
	}}
	if pool != "" {
		p.Annotations = map[string]string{v1alpha1.PoolAnnotation: pool}
	}
	return p
}

// note changes an object in a way that every kind allows.
func note[T client.Object](o T, value string) T {
	o.SetAnnotations(map[string]string{"note": value})
	return o
}

// kind names the kind of an object.
func kind(o client.Object) string {
	k, err := api.KindOf(o)
	if err != nil {
		return err.Error()
	}
	return k.String()
}

func writes() map[string]func(*server) {
	each := func(do func(s *server, admin client.Client, o client.Object)) func(*server) {
		return func(s *server) {
			for _, o := range oneOfEach(s) {
				do(s, s.as(api.Administrator), o)
			}
		}
	}
	return map[string]func(*server){
		"creation": each(func(s *server, admin client.Client, o client.Object) {
			again, versioned := api.Copy(o), api.Copy(o)
			s.did("create "+kind(o), admin.Create(s.Context(), o))
			s.say("creation in whole seconds: %v, uid: %v", o.GetCreationTimestamp().Nanosecond() == 0, o.GetUID() != "")
			s.say("generation %d", o.GetGeneration())
			s.did("create again", admin.Create(s.Context(), again))
			versioned.SetName("y")
			versioned.SetResourceVersion("5")
			s.did("create with a resourceVersion", admin.Create(s.Context(), versioned))
		}),
		"PUT of what was read": each(func(s *server, admin client.Client, o client.Object) {
			made(s, o)
			before := api.Copy(o)
			s.did("put "+kind(o), admin.Update(s.Context(), note(o, "1")))
			s.say("a later version: %v, generation %d", later(before, o), o.GetGeneration())
			s.did("put of the old version", admin.Update(s.Context(), note(before, "2")))
		}),
		"PUT that changes nothing": each(func(s *server, admin client.Client, o client.Object) {
			made(s, note(o, "1"))
			before := api.Copy(o)
			s.did("put "+kind(o), admin.Update(s.Context(), o))
			s.say("the same version: %v", o.GetResourceVersion() == before.GetResourceVersion())
		}),
		"PUT without a resourceVersion": each(func(s *server, admin client.Client, o client.Object) {
			made(s, o)
			o.SetResourceVersion("")
			s.did("put "+kind(o), admin.Update(s.Context(), note(o, "1")))
		}),
		"PUT with another UID": each(func(s *server, admin client.Client, o client.Object) {
			made(s, o)
			o.SetUID("somebody-else")
			s.did("put "+kind(o), admin.Update(s.Context(), note(o, "1")))
		}),
		"PUT on what was deleted": each(func(s *server, admin client.Client, o client.Object) {
			made(s, o)
			s.must(admin.Delete(s.Context(), api.Copy(o)))
			withUID, without := api.Copy(o), api.Copy(o)
			s.did("put "+kind(o)+" with uid and resourceVersion", admin.Update(s.Context(), note(withUID, "1")))
			without.SetUID("")
			if s.did("put without uid", admin.Update(s.Context(), note(without, "1"))) {
				s.say("made again, somebody else: %v", without.GetUID() != o.GetUID())
			}
		}),
		"deletion": each(func(s *server, admin client.Client, o client.Object) {
			s.did("delete "+kind(o)+" that is not there", admin.Delete(s.Context(), api.Copy(o)))
			made(s, o)
			uid, version := types.UID("somebody-else"), "5"
			s.did("another uid", admin.Delete(s.Context(), api.Copy(o), client.Preconditions{UID: &uid}))
			s.did("another version", admin.Delete(s.Context(), api.Copy(o), client.Preconditions{ResourceVersion: &version}))
			uid, version = o.GetUID(), o.GetResourceVersion()
			s.did("what was read", admin.Delete(s.Context(), api.Copy(o), client.Preconditions{UID: &uid, ResourceVersion: &version}))
			s.did("get", admin.Get(s.Context(), client.ObjectKeyFromObject(o), api.Copy(o)))
		}),
		"what a slice counts as its generation": func(s *server) {
			o := made(s, newSlice(s))
			s.must(s.as(api.Administrator).Update(s.Context(), note(o, "1")))
			s.say("an annotation: %d", o.Generation)
			o.Labels = map[string]string{"a": "b"}
			s.must(s.as(api.Administrator).Update(s.Context(), o))
			s.say("a label: %d", o.Generation)
			o.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}}
			s.must(s.as(api.Administrator).Update(s.Context(), o))
			s.say("an endpoint: %d", o.Generation)
		},
		"a Service keeps its address": func(s *server) {
			o := made(s, newService(s))
			ip := o.Spec.ClusterIP
			o.Spec.ClusterIP, o.Spec.ClusterIPs = "", nil
			s.did("put without", s.as(api.Administrator).Update(s.Context(), note(o, "1")))
			s.say("has one: %v, the same: %v", ip != "", o.Spec.ClusterIP == ip)
		},
		"versions of different kinds are one order": func(s *server) {
			var last client.Object
			for _, o := range oneOfEach(s) {
				made(s, o)
				if last != nil {
					s.say("%s after %s: %v", kind(o), kind(last), o.GetResourceVersion() > last.GetResourceVersion() || len(o.GetResourceVersion()) > len(last.GetResourceVersion()))
				}
				last = o
			}
		},
		"empty managedFields are never seen again": func(s *server) {
			o := made(s, newLease(s))
			o.ManagedFields = []metav1.ManagedFieldsEntry{{}}
			s.did("put", s.as(api.Administrator).Update(s.Context(), note(o, "1")))
			s.say("%d", len(now(s, o).ManagedFields))
		},
	}
}

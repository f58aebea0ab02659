package api_test

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// patched patches the metadata of a pod as the controller does, and says the outcome.
func (s *server) patched(what string, p *corev1.Pod, operations ...string) {
	o := &metav1.PartialObjectMetadata{ObjectMeta: s.meta(p.Name)}
	o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	body := "[" + strings.Join(operations, ",") + "]"
	if s.did(what, s.as(api.Controller).Patch(s.Context(), o, client.RawPatch(types.JSONPatchType, []byte(body)))) {
		s.say("labels %v, annotations %v", o.Labels, o.Annotations)
	}
}

func test(path, value string) string {
	return fmt.Sprintf(`{"op":"test","path":%q,"value":%s}`, path, value)
}
func add(path, value string) string {
	return fmt.Sprintf(`{"op":"add","path":%q,"value":%s}`, path, value)
}
func remove(path string) string { return fmt.Sprintf(`{"op":"remove","path":%q}`, path) }

const (
	role     = "/metadata/annotations/zen-lead~1role"
	term     = "/metadata/annotations/zen-lead~1term"
	roleMark = "/metadata/labels/zen-lead~1role"
	marks    = "/metadata/labels"
)

func pods() map[string]func(*server) {
	return map[string]func(*server){
		"JSON patches of a member": func(s *server) {
			p := made(s, newPod(s, "x", "web"))
			uid := test("/metadata/uid", fmt.Sprintf("%q", p.UID))
			s.patched("tests for nothing, of nothing", p, uid, test(role, "null"), test(term, "null"), add(role, `"leader"`), add(term, `"7"`), add(roleMark, `"leader"`))
			s.patched("the same again", p, uid, test(role, "null"), add(role, `"leader"`))
			s.patched("a test of what is there", p, uid, test(role, `"leader"`), test(term, `"7"`), add(term, `"8"`))
			s.patched("a test of what is not there any more", p, test(role, `"leader"`), test(term, `"7"`), add(term, `"9"`))
			s.patched("a test of somebody else", p, test("/metadata/uid", `"somebody-else"`), add(term, `"9"`))
			s.patched("a removal", p, test(term, `"8"`), remove(role), remove(roleMark), remove(term))
			s.patched("a removal of nothing", p, remove(role))
			s.patched("empty is not absent", p, test(role, `""`), add(role, `"leader"`))
		},
		"JSON patches where no map is": func(s *server) {
			p := made(s, newPod(s, "x", ""))
			s.patched("a test for nothing in it", p, test(roleMark, "null"))
			s.patched("a test of something in it", p, test(roleMark, `"leader"`))
			s.patched("an addition to it", p, add(roleMark, `"leader"`))
			s.patched("a test for the map, and the map", p, test(marks, "null"), add(marks, "{}"), add(roleMark, `"leader"`))
			s.patched("a test for the map that is there", p, test(marks, "null"), add(marks, "{}"))
		},
		"the last of a map takes the map along": func(s *server) {
			p := newPod(s, "x", "")
			p.Labels = map[string]string{"zen-lead/role": "leader"}
			made(s, p)
			s.patched("a removal", p, remove(roleMark))
			s.say("no labels: %v", now(s, p).Labels == nil)
			s.patched("an addition", p, add(roleMark, `"leader"`))
		},
		"a JSON patch that changes nothing": func(s *server) {
			p := made(s, newPod(s, "x", "web"))
			s.patched("add", p, add(role, `"leader"`))
			before := now(s, p)
			s.patched("add again", p, add(role, `"leader"`))
			s.say("the same version: %v", now(s, p).ResourceVersion == before.ResourceVersion)
		},
		"a JSON patch of a pod that is gone": func(s *server) {
			s.patched("add", newPod(s, "x", ""), add(role, `"leader"`))
		},
		"a pod without node is deleted at once": func(s *server) {
			p := made(s, newPod(s, "x", ""))
			s.did("delete", s.as(api.Administrator).Delete(s.Context(), p.DeepCopy()))
			s.did("get", s.as(api.Administrator).Get(s.Context(), client.ObjectKeyFromObject(p), p.DeepCopy()))
		},
		"a pod on a node ends first": func(s *server) {
			admin := s.as(api.Administrator)
			p := newPod(s, "x", "")
			p.Spec.NodeName = "node"
			made(s, p)
			s.did("delete", admin.Delete(s.Context(), p.DeepCopy()))
			ending := now(s, p)
			s.say("terminating: %v, grace %d, later: %v, generation %d", ending.DeletionTimestamp != nil, *ending.DeletionGracePeriodSeconds, later(p, ending), ending.Generation)
			s.did("delete again", admin.Delete(s.Context(), p.DeepCopy()))
			s.say("the same version: %v", now(s, p).ResourceVersion == ending.ResourceVersion)
			s.did("put", admin.Update(s.Context(), note(now(s, p), "1")))
			s.say("terminating: %v", now(s, p).DeletionTimestamp != nil)
			s.did("delete without grace", admin.Delete(s.Context(), p.DeepCopy(), client.GracePeriodSeconds(0)))
			s.did("get", admin.Get(s.Context(), client.ObjectKeyFromObject(p), p.DeepCopy()))
		},
		"a pod's status is written apart from the rest": func(s *server) {
			admin := s.as(api.Administrator)
			p := made(s, newPod(s, "x", "web"))
			s.say("created %s", p.Status.Phase)
			p.Status.Phase = corev1.PodRunning
			s.did("put", admin.Update(s.Context(), p))
			s.say("is %s", now(s, p).Status.Phase)
			p.Status.Phase, p.Status.PodIP, p.Status.PodIPs = corev1.PodRunning, "10.0.0.1", []corev1.PodIP{{IP: "10.0.0.1"}}
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			s.did("put status", admin.Status().Update(s.Context(), p))
			p = now(s, p)
			s.say("is %s, generation %d", p.Status.Phase, p.Generation)
		},
		"a watch of members": func(s *server) {
			admin := s.as(api.Administrator)
			selector, err := labels.Parse(v1alpha1.PoolLabel)
			s.must(err)
			heard := s.watchPods(selector)
			made(s, newPod(s, "nobody", ""))
			p := made(s, newPod(s, "x", ""))
			p.Annotations = map[string]string{v1alpha1.PoolAnnotation: "web"}
			s.must(admin.Update(s.Context(), p))
			p.Annotations["note"] = "1"
			s.must(admin.Update(s.Context(), p))
			p.Annotations[v1alpha1.PoolAnnotation] = "other"
			s.must(admin.Update(s.Context(), p))
			delete(p.Annotations, v1alpha1.PoolAnnotation)
			s.must(admin.Update(s.Context(), p))
			s.must(admin.Delete(s.Context(), p))
			made(s, newPod(s, "y", "web"))
			s.say("%s", strings.Join(heard(5), "\n"))
		},
	}
}

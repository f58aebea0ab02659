package api_test

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// allow gives a user rights in the scene's namespace and returns a client of his.
func allow(ctx context.Context, s *scene.Scene, user string, rules ...rbacv1.PolicyRule) client.Client {
	GinkgoHelper()
	Expect(s.Create(ctx, &rbacv1.Role{ObjectMeta: s.Meta(user), Rules: rules})).To(Succeed())
	Expect(s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.Meta(user), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})).To(Succeed())
	return s.As(user)
}

var leaseRights = rbacv1.PolicyRule{
	APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update", "patch", "delete"},
}

var _ = Describe("Admission of Leases", func() {
	var s *scene.Scene
	BeforeEach(func(ctx context.Context) { s = scene.New(ctx, c) })

	refused := func(message string) OmegaMatcher {
		return And(Satisfy(apierrors.IsInvalid), MatchError(ContainSubstring(message)))
	}
	// held returns the Lease of a pool that has a leader.
	held := func(ctx context.Context) *coordinationv1.Lease {
		GinkgoHelper()
		s.Policy(ctx, "web")
		s.Pod(ctx, "a", "web")
		return s.Leads(ctx, "web", "a").Lease
	}

	It("refuses a Lease that is created with a base", func(ctx context.Context) {
		l := &coordinationv1.Lease{ObjectMeta: s.Meta("x")}
		l.Annotations = map[string]string{v1alpha1.TermBaseAnnotation: "9000000"}
		Expect(s.Create(ctx, l)).To(refused("metadata.annotations[zen-lead/term-base]"))
	}, limit)

	It("refuses a first base that is no number or below the version that it replaces", func(ctx context.Context) {
		l := &coordinationv1.Lease{ObjectMeta: s.Meta("x")}
		Expect(s.Create(ctx, l)).To(Succeed())
		for _, base := range []string{"1", "0", "-5", "many", "1e9", "9999999999999999", "99999999999999999999"} {
			try := l.DeepCopy()
			try.Annotations = map[string]string{v1alpha1.TermBaseAnnotation: base}
			Expect(s.Update(ctx, try)).To(refused("at least the resourceVersion"), base)
		}
		l.Annotations = map[string]string{v1alpha1.TermBaseAnnotation: l.ResourceVersion}
		many := l.DeepCopy()
		many.Spec.LeaseTransitions = new(int32(1000001))
		Expect(s.Update(ctx, many)).To(refused("spec.leaseTransitions"))
		Expect(s.Update(ctx, l)).To(Succeed())
	}, limit)

	It("refuses every write that would let a term shrink, repeat or jump", func(ctx context.Context) {
		l := held(ctx)
		for what, edit := range map[string]func(*coordinationv1.Lease){
			"term-base]: is immutable":                 func(l *coordinationv1.Lease) { l.Annotations[v1alpha1.TermBaseAnnotation] += "0" },
			"term-base]: is immutable ":                func(l *coordinationv1.Lease) { delete(l.Annotations, v1alpha1.TermBaseAnnotation) },
			"leaseTransitions: may only grow, by one":  func(l *coordinationv1.Lease) { *l.Spec.LeaseTransitions += 2 },
			"leaseTransitions: may only grow, by one ": func(l *coordinationv1.Lease) { *l.Spec.LeaseTransitions-- },
			"must grow by one with a new holder":       func(l *coordinationv1.Lease) { *l.Spec.HolderIdentity = "b" },
			"must grow by one with a new holder ":      func(l *coordinationv1.Lease) { l.Annotations[v1alpha1.HolderUIDAnnotation] = "another" },
		} {
			try := l.DeepCopy()
			edit(try)
			Expect(s.Update(ctx, try)).To(refused(strings.TrimSpace(what)), what)
		}
		// What client-go electors do is allowed: a new holder, one transition more.
		try := l.DeepCopy()
		*try.Spec.HolderIdentity, *try.Spec.LeaseTransitions = "b", *try.Spec.LeaseTransitions+1
		Expect(s.Update(ctx, try, client.DryRunAll)).To(Succeed())
	}, limit)

	It("lets the controller alone raise the term of an empty Lease by more", func(ctx context.Context) {
		held(ctx)
		s.DeletePolicy(ctx, "web")
		l := dissolved(ctx, s, "web")
		*l.Spec.LeaseTransitions += 7
		Expect(s.Update(ctx, l.DeepCopy(), client.DryRunAll)).To(refused("may only grow, by one"))
		zenlead := s.As("system:serviceaccount:zen-lead-system:zen-lead", "system:serviceaccounts", "system:serviceaccounts:zen-lead-system")
		Expect(zenlead.Update(ctx, l.DeepCopy(), client.DryRunAll)).To(Succeed())
		named := l.DeepCopy()
		named.Spec.HolderIdentity = new("a")
		Expect(zenlead.Update(ctx, named, client.DryRunAll)).To(refused("may only grow, by one"))
		*l.Spec.LeaseTransitions -= 8
		Expect(zenlead.Update(ctx, l, client.DryRunAll)).To(refused("may only grow, by one"))
	}, limit)

	It("judges by what the Lease was, so that taking the annotation or the label off first does not help", func(ctx context.Context) {
		l := held(ctx)
		l.Labels = nil
		Expect(s.Update(ctx, l)).To(Succeed())
		l.Annotations = nil
		Expect(s.Update(ctx, l)).To(refused("is immutable"))
	}, limit)

	It("refuses the deletion of a held Lease, but not to administrators", func(ctx context.Context) {
		l := held(ctx)
		alice := allow(ctx, s, "alice", leaseRights)
		Expect(alice.Delete(ctx, l)).To(refused("held by a: delete the LeaderPolicy first"))
		Expect(s.Delete(ctx, l, client.DryRunAll)).To(Succeed())
		s.DeletePolicy(ctx, "web")
		Expect(alice.Delete(ctx, dissolved(ctx, s, "web"))).To(Succeed())
	}, limit)

	It("lets the controller of namespaces delete held Leases", func(ctx context.Context) {
		l := held(ctx)
		Expect(s.As("system:serviceaccount:kube-system:namespace-controller", "system:serviceaccounts:kube-system").
			Delete(ctx, l, client.DryRunAll)).To(Succeed())
	}, limit)

	It("is not in the way of other Leases: electors' and the heartbeats of nodes", func(ctx context.Context) {
		other := &coordinationv1.Lease{ObjectMeta: s.Meta("operator"), Spec: coordinationv1.LeaseSpec{HolderIdentity: new("x")}}
		Expect(s.Create(ctx, other)).To(Succeed())
		*other.Spec.HolderIdentity = "y"
		Expect(s.Update(ctx, other)).To(Succeed())

		err := s.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: corev1.NamespaceNodeLease}})
		Expect(client.IgnoreAlreadyExists(err)).To(Succeed())
		node := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
			Namespace: corev1.NamespaceNodeLease, Name: s.Namespace, Annotations: map[string]string{v1alpha1.TermBaseAnnotation: "1"},
		}, Spec: coordinationv1.LeaseSpec{HolderIdentity: new("node")}}
		Expect(s.Create(ctx, node)).To(Succeed())
		node.Annotations[v1alpha1.TermBaseAnnotation] = "0"
		Expect(s.Update(ctx, node)).To(Succeed())
		Expect(s.Delete(ctx, node)).To(Succeed())
	}, limit)
})

package caller

import (
	"context"

	. "github.com/onsi/gomega"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// Audience is whom a token must be made for.
const Audience = "zen-lead"

// Account makes a ServiceAccount that may do these verbs with the LeaderPolicies and ManualLocks of the scene.
func Account(ctx context.Context, s *scene.Scene, name string, verbs ...string) {
	Expect(s.Create(ctx, &corev1.ServiceAccount{ObjectMeta: s.Meta(name)})).To(Succeed())
	if len(verbs) > 0 {
		Allow(ctx, s, name, rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: s.Namespace, Name: name}, verbs...)
	}
}

// Allow gives somebody the right to do these verbs with the LeaderPolicies and ManualLocks of the scene, by a Role and a binding of that name.
func Allow(ctx context.Context, s *scene.Scene, name string, who rbacv1.Subject, verbs ...string) {
	Expect(s.Create(ctx, &rbacv1.Role{ObjectMeta: s.Meta(name), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"leaderpolicies", "manuallocks"}, Verbs: verbs},
	}})).To(Succeed())
	Expect(s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.Meta(name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}, Subjects: []rbacv1.Subject{who},
	})).To(Succeed())
}

// Token returns one of an account, for an audience; "" for the API server's own.
func Token(ctx context.Context, s *scene.Scene, account, audience string) string {
	q := &authenticationv1.TokenRequest{}
	if audience != "" {
		q.Spec.Audiences = []string{audience}
	}
	var sa corev1.ServiceAccount
	Expect(s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: account}, &sa)).To(Succeed())
	Expect(s.SubResource("token").Create(ctx, &sa, q)).To(Succeed())
	return q.Status.Token
}

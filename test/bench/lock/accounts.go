package lock

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// accounts is how many there are: zen-lead limits what one may ask.
const accounts = 16

// addAccounts makes accounts that may take all locks of the namespace, and returns a token of each.
func (r *rig) addAccounts(ctx context.Context) ([]string, error) {
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "locks"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"manuallocks"}, Verbs: []string{"acquire", "get", "list", "watch"},
		}},
	}
	if _, err := r.client.RbacV1().Roles(ours).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("rights of the accounts: %w", err)
	}
	_, err := r.client.RbacV1().RoleBindings(ours).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:serviceaccounts:" + ours}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("rights of the accounts: %w", err)
	}
	tokens := make([]string, accounts)
	for i := range tokens {
		name := fmt.Sprintf("contender-%d", i)
		made := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := r.client.CoreV1().ServiceAccounts(ours).Create(ctx, made, metav1.CreateOptions{}); err != nil {
			return nil, fmt.Errorf("account: %w", err)
		}
		request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"zen-lead"}, ExpirationSeconds: new(int64(24 * 60 * 60))}}
		granted, err := r.client.CoreV1().ServiceAccounts(ours).CreateToken(ctx, name, request, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("token of account %s: %w", name, err)
		}
		tokens[i] = granted.Status.Token
	}
	return tokens, nil
}

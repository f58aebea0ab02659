package api

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// callers is how many accounts ask, each on a connection of its own: zen-lead limits what one may ask.
const callers = 100

// groupOfCallers has all accounts of the namespace.
const groupOfCallers = "system:serviceaccounts:" + ours

// account is one that asks. It has a token for each of the two that it asks: neither takes what was made for the other.
type account struct{ forZenLead, forKubernetes string }

// addAccounts makes accounts that may see LeaderPolicies and get Leases. One binding of their group allows it, so that it does not
// cost the API server a search among a hundred.
func (r *rig) addAccounts(ctx context.Context) ([]account, error) {
	leases := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "bench-leases"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get"}}},
	}
	if _, err := r.client.RbacV1().ClusterRoles().Create(ctx, leases, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("rights of the accounts: %w", err)
	}
	for _, role := range []string{"zen-lead-api-viewer", leases.Name} {
		_, err := r.client.RbacV1().RoleBindings(ours).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: groupOfCallers}},
		}, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("rights of the accounts: %w", err)
		}
	}
	accounts := make([]account, callers)
	for i := range accounts {
		name := fmt.Sprintf("caller-%d", i)
		made := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := r.client.CoreV1().ServiceAccounts(ours).Create(ctx, made, metav1.CreateOptions{}); err != nil {
			return nil, fmt.Errorf("account: %w", err)
		}
		var err error
		if accounts[i].forZenLead, err = r.token(ctx, name, "zen-lead"); err != nil {
			return nil, err
		}
		if accounts[i].forKubernetes, err = r.token(ctx, name); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// token returns a token of an account for an audience; without one it is the API server.
func (r *rig) token(ctx context.Context, account string, audiences ...string) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: new(int64(24 * 60 * 60))}}
	granted, err := r.client.CoreV1().ServiceAccounts(ours).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of account %s: %w", account, err)
	}
	return granted.Status.Token, nil
}

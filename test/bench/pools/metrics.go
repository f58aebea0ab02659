package pools

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// reader is the account that may read the controller's metrics.
const reader = "metrics-reader"

// passes reads from the controller's metrics how many decisions about pools it has made.
type passes struct {
	client *http.Client
	token  string
}

func newPasses(ctx context.Context, r *rig) (*passes, error) {
	client := r.population.client
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: reader}}
	_, accountErr := client.CoreV1().ServiceAccounts(apart).Create(ctx, account, metav1.CreateOptions{})
	_, roleErr := client.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: reader},
		Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}}},
	}, metav1.CreateOptions{})
	_, bindingErr := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: reader},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: reader},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: apart, Name: reader}},
	}, metav1.CreateOptions{})
	path := filepath.Join(r.cluster.Dir, reader+".kubeconfig")
	if err := errors.Join(accountErr, roleErr, bindingErr); err != nil {
		return nil, fmt.Errorf("account for metrics: %w", err)
	}
	if err := r.cluster.KubeconfigFor(ctx, apart, reader, path); err != nil {
		return nil, fmt.Errorf("account for metrics: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("account for metrics: %w", err)
	}
	return &passes{
		// The certificate of /metrics is the controller's own.
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
		token:  config.BearerToken,
	}, nil
}

// count returns how many passes the controller that listens on an address has made since it began.
func (p *passes) count(ctx context.Context, address string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", nil)
	if err != nil {
		return 0, fmt.Errorf("metrics: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	answer, err := p.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("metrics: %s", answer.Status)
	}
	return countPasses(answer.Body)
}

// countPasses adds up the passes of all outcomes.
func countPasses(metrics io.Reader) (int, error) {
	total := 0
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, `controller_runtime_reconcile_total{controller="pool",`) {
			continue
		}
		n, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metrics: %q: %w", line, err)
		}
		total += int(n)
	}
	return total, lines.Err()
}

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
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// reader is the account that may read the controller's metrics.
const reader = "metrics-reader"

// scraper reads the controller's metrics.
type scraper struct {
	client *http.Client
	token  string
}

func newScraper(ctx context.Context, r *rig) (*scraper, error) {
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
	return &scraper{
		// The certificate of /metrics is the controller's own.
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
		token:  config.BearerToken,
	}, nil
}

// gauges are what the metrics say at one moment.
type gauges struct {
	// passes is how many decisions about pools the process has made, of all outcomes.
	passes int
	// collections is how many garbage collections it has finished, and live how many bytes the last of them kept.
	collections, live int64
}

// read returns what the controller that listens on an address says.
func (s *scraper) read(ctx context.Context, address string) (gauges, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", nil)
	if err != nil {
		return gauges{}, fmt.Errorf("metrics: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := s.client.Do(request)
	if err != nil {
		return gauges{}, fmt.Errorf("metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return gauges{}, fmt.Errorf("metrics: %s", answer.Status)
	}
	return parseGauges(answer.Body)
}

func parseGauges(metrics io.Reader) (gauges, error) {
	var g gauges
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		var add func(int64)
		switch {
		case strings.HasPrefix(name, `controller_runtime_reconcile_total{controller="pool",`):
			add = func(n int64) { g.passes += int(n) }
		case name == "go_gc_heap_live_bytes":
			add = func(n int64) { g.live = n }
		case name == "go_gc_cycles_total_gc_cycles_total":
			add = func(n int64) { g.collections = n }
		default:
			continue
		}
		n, err := strconv.ParseFloat(value, 64) // large ones are written 1.2e+08
		if err != nil {
			return gauges{}, fmt.Errorf("metrics: %s: %w", name, err)
		}
		add(int64(n))
	}
	return g, lines.Err()
}

// collectionEvery is how long Go lets pass without a garbage collection, and a margin.
const collectionEvery = 2*time.Minute + 20*time.Second

// heapAtRest waits for the next garbage collection of a controller that has nothing to do, and returns what it kept. To be
// asked for its metrics makes garbage, and so hastens it.
func (s *scraper) heapAtRest(ctx context.Context, address string) (int64, error) {
	before, err := s.read(ctx, address)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, collectionEvery, errors.New("no garbage is collected"))
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("live heap: %w", context.Cause(ctx))
		}
		now, err := s.read(ctx, address)
		if err != nil {
			return 0, err
		}
		if now.collections > before.collections {
			return now.live, nil
		}
	}
}

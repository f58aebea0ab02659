package flood_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

const (
	// accounts list at once: each has queues of its own, so that one more account must wait among many.
	accounts = 24
	// lists of each account are under way at once.
	listsEach = 16
	// maps of mapSize bytes are listed each time.
	maps    = 1000
	mapSize = 2 << 10
)

// flood is a number of clients that list and list.
type flood struct {
	stop context.CancelFunc
	done sync.WaitGroup
	// answered counts lists that were answered, refused those that were turned away.
	answered, refused atomic.Int64
}

// startFlood begins a flood and returns when it has filled the queues of the API server.
func startFlood(ctx context.Context, s *scene.Scene) *flood {
	GinkgoHelper()
	for i := range maps {
		Expect(s.Create(ctx, &corev1.ConfigMap{ObjectMeta: s.Meta(fmt.Sprintf("large-%d", i)), Data: map[string]string{"x": strings.Repeat("x", mapSize)}})).To(Succeed())
	}
	Expect(s.Create(ctx, &rbacv1.Role{ObjectMeta: s.Meta("listers"), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}},
	}})).To(Succeed())
	Expect(s.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: s.Meta("listers"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "listers"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:serviceaccounts:" + s.Namespace}},
	})).To(Succeed())
	f := &flood{}
	flooding, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/configmaps", s.Config.Host, s.Namespace)
	for i := range accounts {
		client := f.clientOf(s, fmt.Sprintf("lister-%d", i))
		for range listsEach {
			f.done.Go(func() {
				for flooding.Err() == nil {
					f.list(flooding, client, url)
				}
			})
		}
	}
	Eventually(ctx, func(ctx context.Context) (int, error) { return queued(ctx, s) }).Should(BeNumerically(">", accounts), "nothing queues")
	return f
}

// clientOf lists as a service account, over a connection of its own.
func (f *flood) clientOf(s *scene.Scene, account string) *http.Client {
	GinkgoHelper()
	config := rest.CopyConfig(s.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: fmt.Sprintf("system:serviceaccount:%s:%s", s.Namespace, account),
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + s.Namespace, "system:authenticated"},
	}
	config.Dial = nil
	client, err := rest.HTTPClientFor(config)
	Expect(err).NotTo(HaveOccurred())
	return client
}

func (f *flood) list(ctx context.Context, client *http.Client, url string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	request.Header.Set("Accept-Encoding", "gzip") // and is not unpacked here: the work is the server's
	answer, err := client.Do(request)
	if err != nil {
		return // the flood ends
	}
	_, err = io.Copy(io.Discard, answer.Body)
	err = errors.Join(err, answer.Body.Close())
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		f.refused.Add(1)
	case err == nil && answer.StatusCode == http.StatusOK:
		f.answered.Add(1)
	}
}

func (f *flood) end() {
	f.stop()
	f.done.Wait()
}

// queued returns how many requests wait in the API server for a seat of the level that ordinary accounts have.
func queued(ctx context.Context, s *scene.Scene) (int, error) {
	config := rest.CopyConfig(s.Config)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Config.Host+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	total := 0
	for line := range strings.Lines(string(text)) {
		var n int
		name, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if !strings.HasPrefix(name, "apiserver_flowcontrol_current_inqueue_requests{") || !strings.Contains(name, `priority_level="workload-low"`) {
			continue
		}
		if _, err := fmt.Sscan(value, &n); err == nil {
			total += n
		}
	}
	return total, nil
}

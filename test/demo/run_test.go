package demo_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/demo"
)

// TestABorrowedClusterIsGivenBack runs the whole demo on a cluster that is not its own. `make demo` runs the same steps
// on one of its own.
func TestABorrowedClusterIsGivenBack(t *testing.T) {
	ctrllog.SetLogger(klog.Background())
	c, err := cluster.Start(t.Context(), cluster.Options{FakeNodes: 3, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop() //nolint:errcheck // throw-away data
	before := everything(t, c.RESTConfig())

	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out, In: strings.NewReader("local\n"), Kubeconfig: c.Kubeconfig}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "Every step held") {
		t.Errorf("the demo says\n%s", &out)
	}
	frozen := regexp.MustCompile(`(?m)^unfenced: 31 deposits acknowledged, balance 11: 20 lost
fenced:   30 deposits acknowledged, balance 30, 1 write refused \(term \d+ after \d+\)$`)
	if !frozen.MatchString(out.String()) {
		t.Errorf("of the frozen leader the demo says\n%s", &out)
	}
	taken := regexp.MustCompile(`kill -9 of alice, which held till with token \d+: bob had it [\d.]+ s later .*
.*bob ended by itself: carol had it [\d.]+ ms later, with token \d+`)
	if !taken.MatchString(out.String()) {
		t.Errorf("of the lock the demo says\n%s", &out)
	}
	same(t, before, everything(t, c.RESTConfig()))

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	if err := demo.Run(ctx, demo.Options{Out: on("$ kubectl delete pod", interrupt), In: strings.NewReader("local\n"), Kubeconfig: c.Kubeconfig}); err == nil {
		t.Error("an interrupted demo says that every step held")
	}
	same(t, before, everything(t, c.RESTConfig()))
}

// on calls do when text is written.
func on(text string, do func()) writer {
	return func(said []byte) (int, error) {
		if bytes.Contains(said, []byte(text)) {
			do()
		}
		return len(said), nil
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(said []byte) (int, error) { return w(said) }

func same(t *testing.T, before, after []string) {
	t.Helper()
	for _, o := range before {
		if !slices.Contains(after, o) {
			t.Errorf("gone: %s", o)
		}
	}
	for _, o := range after {
		if !slices.Contains(before, o) {
			t.Errorf("left behind: %s", o)
		}
	}
}

// everything lists all objects of a cluster, with UID. Events are left out: they are there to pass.
func everything(t *testing.T, config *rest.Config) (all []string) {
	t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := d.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		group, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.APIResources {
			if !slices.Contains(r.Verbs, "list") || r.Name == "events" || r.Name == "componentstatuses" {
				continue
			}
			objects, err := m.Resource(group.WithResource(r.Name)).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatalf("list %s: %v", r.Name, err)
			}
			for _, o := range objects.Items {
				all = append(all, strings.Join([]string{l.GroupVersion, r.Name, o.Namespace, o.Name, string(o.UID)}, " "))
			}
		}
	}
	return all
}

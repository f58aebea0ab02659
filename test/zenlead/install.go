package zenlead

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
)

// Namespace and Account are whom the controller runs as.
const (
	Namespace = "zen-lead-system"
	Account   = "zen-lead"
)

// Username is how the API server calls the account.
const Username = "system:serviceaccount:" + Namespace + ":" + Account

// Install applies controller/config and waits until all of it acts. It may be called again on the same cluster.
func Install(ctx context.Context, c *cluster.Cluster) error {
	root, err := Root()
	if err != nil {
		return err
	}
	config, remove, err := overlaid(filepath.Join(root, "controller", "config"))
	if err != nil {
		return fmt.Errorf("install zen-lead: %w", err)
	}
	defer remove()
	if err := c.Apply(ctx, config); err != nil {
		return fmt.Errorf("install zen-lead: %w", err)
	}
	return AwaitPolicies(ctx, c)
}

// Root returns the folder of this repository: the first from the working directory upwards that holds a go.work.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the repository: no go.work in %s or above", start)
		}
	}
}

// AwaitPolicies waits until the installed admission policies act, which takes the API server up to a second or two. It
// tries each with a dry run.
func AwaitPolicies(ctx context.Context, c *cluster.Cluster) error {
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		return fmt.Errorf("install zen-lead: %w", err)
	}
	dyn, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		return fmt.Errorf("install zen-lead: %w", err)
	}
	for _, p := range []struct {
		name string
		acts func(context.Context) error
	}{
		{"zen-lead-label", func(ctx context.Context) error { return labels(ctx, client) }},
		{"zen-lead-pool-name", func(ctx context.Context) error { return refusesName(ctx, client) }},
		{"zen-lead-lease", func(ctx context.Context) error { return guardsLease(ctx, client) }},
		{"zen-lead-author", func(ctx context.Context) error { return refusesKubeNamespace(ctx, dyn) }},
		{"zen-lead-lock-force", func(ctx context.Context) error { return refusesOrder(ctx, dyn) }},
	} {
		if err := await(ctx, p.acts); err != nil {
			return fmt.Errorf("admission policy %s does not act: %w", p.name, err)
		}
	}
	return nil
}

const patience = 30 * time.Second

// await tries until try succeeds; its error is that of the last try.
func await(ctx context.Context, try func(context.Context) error) error {
	last := errors.New("never tried")
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

var dryRun = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

func probe(pool string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Annotations: map[string]string{v1alpha1.PoolAnnotation: pool}},
		Spec: corev1.PodSpec{
			ServiceAccountName: Account, // there is no "default" where nobody runs the controller of accounts
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "app", Image: "app.invalid/app",
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

func labels(ctx context.Context, client kubernetes.Interface) error {
	pod, err := client.CoreV1().Pods(Namespace).Create(ctx, probe("web"), dryRun)
	if err != nil {
		return err
	}
	if pod.Labels[v1alpha1.PoolLabel] != "web" {
		return fmt.Errorf("a pod with annotation %s got the labels %v", v1alpha1.PoolAnnotation, pod.Labels)
	}
	return nil
}

func refusesName(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().Pods(Namespace).Create(ctx, probe("Not_A_Name"), dryRun)
	return refused(err, v1alpha1.PoolAnnotation)
}

func guardsLease(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoordinationV1().Leases(Namespace).Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Annotations: map[string]string{v1alpha1.TermBaseAnnotation: "1"}},
	}, dryRun)
	return refused(err, v1alpha1.TermBaseAnnotation)
}

func refusesKubeNamespace(ctx context.Context, dyn dynamic.Interface) error {
	p := &unstructured.Unstructured{}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
	p.SetName("probe")
	policies := dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies"))
	_, err := policies.Namespace(metav1.NamespaceSystem).Create(ctx, p, dryRun)
	return refused(err, metav1.NamespaceSystem+":")
}

func refusesOrder(ctx context.Context, dyn dynamic.Interface) error {
	l := &unstructured.Unstructured{}
	l.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ManualLock"))
	l.SetName("probe")
	l.SetAnnotations(map[string]string{v1alpha1.ForceReleaseAnnotation: "probe"})
	_, err := dyn.Resource(v1alpha1.GroupVersion.WithResource("manuallocks")).Namespace(Namespace).Create(ctx, l, dryRun)
	return refused(err, v1alpha1.ForceReleaseAnnotation)
}

// refused is nil where err is a refusal that says why.
func refused(err error, why string) error {
	if err == nil {
		return errors.New("nothing was refused")
	}
	if !strings.Contains(err.Error(), why) {
		return err
	}
	return nil
}

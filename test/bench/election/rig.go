package election

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	"github.com/kube-zen/zen-lead/test/bench/audit"
	"github.com/kube-zen/zen-lead/test/bench/swap"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// account is the members', in each namespace.
const account = "member"

// rig is a control plane with zen-lead's rights and admission policies on it: etcd, which flushes each write to the disk,
// and the API server. Nothing else runs, no controller either.
type rig struct {
	cluster     *cluster.Cluster
	client      kubernetes.Interface
	policies    dynamic.NamespaceableResourceInterface
	raw         *swap.Raw
	kubeconfigs map[string]string // by namespace
	progress    io.Writer
}

// onRig lets a measurement happen on a new rig.
func onRig(ctx context.Context, progress io.Writer, measure func(context.Context, *rig) error) error {
	c, err := cluster.Start(ctx, cluster.Options{
		Layout: cluster.Separate, APIOnly: true, Fsync: true, AuditLog: true, Progress: progress,
	})
	if err != nil {
		return err
	}
	r := &rig{cluster: c, progress: progress, kubeconfigs: map[string]string{}}
	err = r.prepare(ctx)
	if err == nil {
		ctx, cancel := context.WithCancel(ctx)
		err = measure(ctx, r)
		cancel()
	}
	return errors.Join(err, c.Stop())
}

func (r *rig) prepare(ctx context.Context) (err error) {
	if err := zenlead.Install(ctx, r.cluster); err != nil {
		return err
	}
	config := swap.Protobuf(swap.OwnConnection(r.cluster.RESTConfig()))
	if r.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	dyn, err := dynamic.NewForConfig(r.cluster.RESTConfig())
	if err != nil {
		return err
	}
	r.policies = dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies"))
	for _, namespace := range []string{oursNamespace, theirNamespace, apart} {
		if err := r.addNamespace(ctx, namespace); err != nil {
			return fmt.Errorf("namespace %s: %w", namespace, err)
		}
	}
	r.raw, err = swap.New(ctx, r.cluster.RESTConfig(), apart)
	return err
}

// addNamespace makes a namespace with an account that may take part in elections.
func (r *rig) addNamespace(ctx context.Context, name string) error {
	_, err := r.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = r.client.CoreV1().ServiceAccounts(name).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = r.client.RbacV1().RoleBindings(name).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "participates"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "zen-lead-participant"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	r.kubeconfigs[name] = filepath.Join(r.cluster.Dir, name+".kubeconfig")
	return r.cluster.KubeconfigFor(ctx, name, account, r.kubeconfigs[name])
}

// addPool makes what a pool of a program needs: ours a policy, and the Lease as a controller makes a pool's first, which may be
// acquired at once. client-go's electors on Leases of their own need nothing.
func (r *rig) addPool(ctx context.Context, p program, name string) error {
	if p.elector == election.ClientGo {
		return nil
	}
	policy := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"mode":                 string(v1alpha1.ModeParticipant),
		"leaseDurationSeconds": int64(p.durations.Lease / time.Second),
		"renewDeadlineSeconds": int64(p.durations.RenewDeadline / time.Second),
		"retryPeriodSeconds":   int64(p.durations.Retry / time.Second),
	}}}
	policy.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LeaderPolicy"))
	policy.SetName(name)
	if _, err := r.policies.Namespace(p.namespace()).Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	return kube.NewPool(r.client.CoordinationV1(), p.namespace(), name).Create(ctx, time.Second)
}

// requests returns what the API server was asked from one moment to another.
func (r *rig) requests(ctx context.Context, from, to time.Time) ([]audit.Request, error) {
	return audit.Between(ctx, r.cluster.AuditLog, r.client, apart, from, to)
}

// bound says of a wait what it was for.
func bound(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, errors.New(what))
}

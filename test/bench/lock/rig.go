package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/profiled"
	"github.com/kube-zen/zen-lead/test/bench/swap"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// Namespaces of the locks with those who take them, and of what belongs to nobody.
const (
	ours  = "bench-lock"
	apart = "bench"
)

// replicas is how many controllers run. Contenders are connected to each in turn, as a Service would.
const replicas = 2

// rig is a control plane with controllers that serve the API: etcd, which flushes each write to the disk, and the API server, as
// processes of their own.
type rig struct {
	cluster *cluster.Cluster
	client  kubernetes.Interface
	// asZenLead is zen-lead's account: admission and authorisation are for raw writes what they are for its own.
	asZenLead   *rest.Config
	scheme      *runtime.Scheme
	accounts    []string // their tokens
	controllers []*zenlead.Controller
	progress    io.Writer
}

// onRig lets a measurement happen on a new rig.
func onRig(ctx context.Context, progress io.Writer, audit bool, measure func(context.Context, *rig) error) error {
	c, err := cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, APIOnly: true, Fsync: true, AuditLog: audit, Progress: progress})
	if err != nil {
		return err
	}
	r := &rig{cluster: c, progress: progress, scheme: runtime.NewScheme()}
	ctx, cancel := context.WithCancel(ctx)
	err = r.prepare(ctx)
	if err == nil {
		err = measure(ctx, r)
	}
	cancel()
	return errors.Join(err, r.killControllers(), c.Stop())
}

func (r *rig) prepare(ctx context.Context) (err error) {
	if err := v1alpha1.AddToScheme(r.scheme); err != nil {
		return err
	}
	if err := zenlead.Install(ctx, r.cluster); err != nil {
		return err
	}
	if r.client, err = kubernetes.NewForConfig(swap.Protobuf(swap.OwnConnection(r.cluster.RESTConfig()))); err != nil {
		return err
	}
	for _, name := range []string{ours, apart} {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := r.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
	}
	kubeconfig := filepath.Join(r.cluster.Dir, "raw.kubeconfig")
	if err := r.cluster.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig); err != nil {
		return err
	}
	if r.asZenLead, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return fmt.Errorf("zen-lead's account: %w", err)
	}
	r.asZenLead.QPS, r.asZenLead.UserAgent = -1, "raw"
	if r.accounts, err = r.addAccounts(ctx); err != nil {
		return err
	}
	for range replicas {
		if err := r.startController(ctx, zenlead.Options{}); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) startController(ctx context.Context, o zenlead.Options) error {
	o.API = true
	c, err := zenlead.Start(ctx, r.cluster, o)
	if err != nil {
		return err
	}
	r.controllers = append(r.controllers, c)
	return nil
}

// profiled replaces the controllers by one that can be profiled.
func (r *rig) profiled(ctx context.Context) (*profiled.Variant, error) {
	v, err := profiled.Build(ctx, r.cluster.Dir)
	if err != nil {
		return nil, err
	}
	for _, c := range r.controllers {
		err = errors.Join(err, c.Stop(ctx))
	}
	r.controllers = nil
	return v, errors.Join(err, r.startController(ctx, v.Options()))
}

func (r *rig) killControllers() (err error) {
	for _, c := range r.controllers {
		err = errors.Join(err, c.Kill())
	}
	r.controllers = nil
	return err
}

// addLock makes a lock that nobody ever held.
func (r *rig) addLock(ctx context.Context, name string) (*v1alpha1.ManualLock, error) {
	c, err := client.New(r.cluster.RESTConfig(), client.Options{Scheme: r.scheme})
	if err != nil {
		return nil, err
	}
	o := &v1alpha1.ManualLock{ObjectMeta: metav1.ObjectMeta{Namespace: ours, Name: name}}
	if err := c.Create(ctx, o); err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return o, nil
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

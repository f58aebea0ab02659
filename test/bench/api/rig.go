package api

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/bench/swap"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// Namespaces of the pools with those who ask about them, and of what belongs to neither.
const (
	ours  = "bench-api"
	apart = "bench"
)

// rig is a control plane with controllers that serve the API: etcd, which flushes each write to the disk, and the API server, as
// processes of their own. No audit log is written: it would cost the API server's answers, and not zen-lead's.
type rig struct {
	cluster     *cluster.Cluster
	client      kubernetes.Interface
	policies    dynamic.NamespaceableResourceInterface
	controllers []*zenlead.Controller
	leases      *leases
	progress    io.Writer
}

// onRig lets a measurement happen on a new rig with as many controllers.
func onRig(ctx context.Context, progress io.Writer, controllers int, measure func(context.Context, *rig) error) error {
	c, err := cluster.Start(ctx, cluster.Options{Layout: cluster.Separate, APIOnly: true, Fsync: true, Progress: progress})
	if err != nil {
		return err
	}
	r := &rig{cluster: c, progress: progress}
	ctx, cancel := context.WithCancel(ctx)
	err = r.prepare(ctx, controllers)
	if err == nil {
		err = measure(ctx, r)
	}
	cancel()
	return errors.Join(err, r.killControllers(), c.Stop())
}

func (r *rig) prepare(ctx context.Context, controllers int) (err error) {
	if err := zenlead.Install(ctx, r.cluster); err != nil {
		return err
	}
	if r.client, err = kubernetes.NewForConfig(swap.Protobuf(swap.OwnConnection(r.cluster.RESTConfig()))); err != nil {
		return err
	}
	dyn, err := dynamic.NewForConfig(r.cluster.RESTConfig())
	if err != nil {
		return err
	}
	r.policies = dyn.Resource(v1alpha1.GroupVersion.WithResource("leaderpolicies"))
	for _, name := range []string{ours, apart} {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := r.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
	}
	// Pods belong to an account, and nobody runs the controller that makes it.
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := r.client.CoreV1().ServiceAccounts(ours).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("account of the pods: %w", err)
	}
	if r.leases, err = watchLeases(ctx, r.cluster.RESTConfig()); err != nil {
		return err
	}
	for range controllers {
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

// stopControllers ends them in good order: no other replica waits for one that is no more.
func (r *rig) stopControllers(ctx context.Context) (err error) {
	for _, c := range r.controllers {
		err = errors.Join(err, c.Stop(ctx))
	}
	r.controllers = nil
	return err
}

func (r *rig) killControllers() (err error) {
	for _, c := range r.controllers {
		err = errors.Join(err, c.Kill())
	}
	r.controllers = nil
	return err
}

// authorityOf is whom callers of a controller trust.
func authorityOf(c *zenlead.Controller) (*x509.CertPool, error) {
	pem, err := os.ReadFile(c.API.CA)
	if err != nil {
		return nil, fmt.Errorf("authority of the API: %w", err)
	}
	return authority(pem)
}

func authority(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate of an authority")
	}
	return pool, nil
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

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/rand"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// place is the cluster that the demo runs on.
type place struct {
	tell *teller
	// dir is a folder of this machine, for kubeconfigs; logs is one in it.
	dir, logs string
	// namespace is the demo's own.
	namespace string
	// local is the demo's own cluster, nil on a borrowed one.
	local *cluster.Cluster
	// made says what there is to remove from a borrowed cluster.
	made struct{ config, namespace bool }

	// pinned, config, client and kubectl reach the cluster as administrator.
	pinned  pinned
	config  *rest.Config
	client  client.WithWatch
	kubectl string
}

func newPlace(t *teller) (*place, error) {
	dir, err := os.MkdirTemp("", "zen-lead-demo-")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	p := &place{tell: t, dir: dir, logs: filepath.Join(dir, "logs"), namespace: "zen-lead-demo-" + rand.String(5)}
	return p, os.Mkdir(p.logs, 0o700)
}

// fakeNodes is enough for each pod to have its own.
const fakeNodes = 3

// startLocal makes a cluster of the demo's own.
func (p *place) startLocal(ctx context.Context) error {
	p.tell.text(`zen-lead: three pods, six moves of the lead, each timed; then a leader is frozen.
API server, etcd, controller manager and scheduler are real and run on this machine; kwok stands for the kubelets.
`)
	var err error
	// What is timed is written to the disk, as in any real cluster.
	o := cluster.Options{FakeNodes: fakeNodes, AuditLog: true, Fsync: true, Progress: p.tell.out}
	if p.local, err = cluster.Start(ctx, o); err != nil {
		return fmt.Errorf("start a cluster: %w", err)
	}
	here, err := pin(p.local.Kubeconfig)
	if err != nil {
		return err
	}
	if err := p.enter(ctx, here); err != nil {
		return err
	}
	if err := zenlead.Install(ctx, p.local); err != nil {
		return err
	}
	p.tell.line("zen-lead is installed: kubectl apply -k controller/config")
	return nil
}

// enter makes the ways to reach a cluster.
func (p *place) enter(ctx context.Context, here pinned) error {
	p.pinned = here.in(p.namespace)
	if err := p.pinned.write(p.kubeconfig()); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
	if err != nil {
		return err
	}
	if p.config, err = clientcmd.BuildConfigFromFlags("", p.kubeconfig()); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	p.config.UserAgent = "demo"
	p.config.QPS = -1 // it must not be slower than what it measures
	if p.client, err = client.NewWithWatch(p.config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	p.kubectl, err = cluster.BuildKubectl(ctx, p.tell.out)
	return err
}

func (p *place) kubeconfig() string { return filepath.Join(p.dir, "kubeconfig") }

// run runs kubectl as administrator, in the demo's namespace, and returns what it printed.
func (p *place) run(ctx context.Context, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, p.kubectl, args...)
	// The user's own settings of kubectl and its cache are left alone.
	c.Env = append(os.Environ(), "KUBECONFIG="+p.kubeconfig(), "KUBERC=off", "KUBECACHEDIR="+filepath.Join(p.dir, "kubectl-cache"))
	var said bytes.Buffer
	c.Stderr = &said
	printed, err := c.Output()
	if err != nil {
		return printed, fmt.Errorf("kubectl %s: %w: %s", args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return printed, nil
}

// account makes a kubeconfig for an account.
func (p *place) account(ctx context.Context, namespace, name string) (path string, err error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	seconds := int64(time.Hour.Seconds())
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if err := p.client.SubResource("token").Create(ctx, account, token); err != nil {
		return "", fmt.Errorf("token of the account %s/%s: %w", namespace, name, err)
	}
	path = filepath.Join(p.dir, name+".kubeconfig")
	return path, p.pinned.as(name, token.Status.Token).write(path)
}

// auditLog is the API server's, "" where the demo cannot read it.
func (p *place) auditLog() string {
	if p.local == nil {
		return ""
	}
	return p.local.AuditLog
}

// leave ends a cluster of the demo's own, or removes everything that was made on a borrowed one.
func (p *place) leave(ctx context.Context, failed bool) error {
	if p.local == nil {
		return p.giveBack(ctx)
	}
	var err error
	if failed { // its logs go with it
		err = os.CopyFS(filepath.Join(p.logs, "cluster"), os.DirFS(filepath.Join(p.local.Dir, "log")))
	}
	return errors.Join(err, p.local.Stop())
}

// tidy removes the folder, with the credentials in it, and keeps the logs only of a failure.
func (p *place) tidy(failed bool) error {
	logs, err := os.ReadDir(p.logs)
	if !failed || err != nil || len(logs) == 0 {
		return os.RemoveAll(p.dir)
	}
	kept := p.dir + "-logs"
	if err := errors.Join(os.Rename(p.logs, kept), os.RemoveAll(p.dir)); err != nil {
		return err
	}
	return fmt.Errorf("logs and the recorded history are in %s", kept)
}

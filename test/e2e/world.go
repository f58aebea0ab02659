package e2e

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/helm"
	"github.com/kube-zen/zen-lead/test/history/record"
)

const (
	installNamespace = "zen-lead-system"
	namespace        = metav1.NamespaceDefault
	pool             = "web"
	asker            = "client"
)

// nodes is one that nothing is done to, and two to break.
const nodes = 3

//go:embed pool.yaml
var poolManifest []byte

// world is the cluster with zen-lead, a pool and a client in it.
type world struct {
	out     io.Writer
	dir     string
	root    string
	cluster *cluster.Cluster
	helm    helm.Helm
	// current and previous are the chart of this checkout and the one that is upgraded from, with the tags of their images.
	current, previous version

	client.Client
	kubernetes kubernetes.Interface
	record     *record.Recorder
	asked      *questioner
	workers    *crew
	runners    *crew
	// short: the short run.
	short bool
	// agents are what became of the programs that agents run.
	agents []agentOutcome
	// crashes are the leaders that were killed to measure how long nobody works.
	crashes []crash
}

// version is one version of the chart with its image.
type version struct{ chart, tag string }

func (w *world) say(format string, args ...any) { fmt.Fprintf(w.out, format+"\n", args...) }

// build starts everything up to the pool and its client.
func (w *world) build(ctx context.Context, upgrade bool) error {
	images, err := w.buildImages(ctx, upgrade)
	if err != nil {
		return err
	}
	w.cluster, err = cluster.Start(ctx, cluster.Options{Nodes: nodes, Images: images, Fsync: true, Progress: w.out})
	if err != nil {
		return err
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	first := w.current
	if upgrade {
		first = w.previous
	}
	w.say("installing zen-lead %s by Helm", first.tag)
	began := time.Now()
	if err := w.install(ctx, first); err != nil {
		return err
	}
	w.say("installed, and all replicas ready, after %.1f s", time.Since(began).Seconds())
	if w.record, err = record.Start(ctx, w.cluster.RESTConfig(), record.Options{Namespaces: []string{namespace}}); err != nil {
		return err
	}
	return w.deploy(ctx)
}

func (w *world) connect(ctx context.Context) error {
	program, err := helm.Build(ctx)
	if err != nil {
		return err
	}
	w.helm = helm.Helm{Program: program, Home: filepath.Join(w.dir, "helm"), Kubeconfig: w.cluster.Kubeconfig}
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	if w.Client, err = client.New(w.cluster.RESTConfig(), client.Options{Scheme: scheme}); err != nil {
		return err
	}
	w.kubernetes, err = kubernetes.NewForConfig(w.cluster.RESTConfig())
	return err
}

// deploy applies what a user would and waits until the client hears from the leader.
func (w *world) deploy(ctx context.Context) error {
	file := filepath.Join(w.dir, "pool.yaml")
	if err := os.WriteFile(file, poolManifest, 0o644); err != nil {
		return err
	}
	if _, err := w.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
		return err
	}
	if _, err := w.cluster.Kubectl(ctx, "wait", "--for=condition=Ready", "pod/"+asker, "--timeout=60s"); err != nil {
		return err
	}
	var err error
	if w.asked, err = follow(ctx, w.kubernetes, namespace, asker); err != nil {
		return err
	}
	return w.settle(ctx)
}

// steadyFor is how long all answers come from the leader before a scenario begins or ends.
const steadyFor = 2 * time.Second

// settleWithin bounds the wait for a quiet pool; the longest is that for a node that is started again.
const settleWithin = 3 * time.Minute

// settle waits until every pod of the pool is ready, and the client heard from the leader alone for a while, counted from now.
func (w *world) settle(ctx context.Context) error {
	began := time.Now()
	return w.await(ctx, settleWithin, "a quiet pool", func(ctx context.Context) error {
		if time.Since(began) < steadyFor {
			return errNotYet
		}
		if err := w.allReady(ctx); err != nil {
			return err
		}
		leader, err := w.leader(ctx)
		if err != nil {
			return err
		}
		return w.asked.steady(string(leader.UID), steadyFor)
	})
}

var errNotYet = errors.New("not yet")

// await polls: what it waits for is spread over many objects, and over the client's log.
func (w *world) await(ctx context.Context, within time.Duration, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil { // else it says that the time was over
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait %s for %s: %w (last: %w)", within, what, context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

func (w *world) pods(ctx context.Context, in, label, value string) ([]corev1.Pod, error) {
	var found corev1.PodList
	err := w.List(ctx, &found, client.InNamespace(in), client.MatchingLabels{label: value})
	return found.Items, err
}

// allReady returns nil when the pool has the pods that its Deployment asks for, and no other.
func (w *world) allReady(ctx context.Context) error {
	found, err := w.pods(ctx, namespace, "app", pool)
	if err != nil {
		return err
	}
	ready := 0
	for _, pod := range found {
		if pod.DeletionTimestamp != nil {
			return fmt.Errorf("%w: %s is terminating", errNotYet, pod.Name)
		}
		if isReady(pod) {
			ready++
		}
	}
	if len(found) != members || ready != members {
		return fmt.Errorf("%w: %d of %d pods are ready", errNotYet, ready, len(found))
	}
	return nil
}

// members is what pool.yaml asks for.
const members = 3

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// leader is the pod that the policy's status names.
func (w *world) leader(ctx context.Context) (corev1.Pod, error) {
	var policy v1alpha1.LeaderPolicy
	if err := w.Get(ctx, client.ObjectKey{Namespace: namespace, Name: pool}, &policy); err != nil {
		return corev1.Pod{}, err
	}
	holder := policy.Status.CurrentHolder
	if holder == nil {
		return corev1.Pod{}, fmt.Errorf("%w: nobody leads", errNotYet)
	}
	var pod corev1.Pod
	err := w.Get(ctx, client.ObjectKey{Namespace: namespace, Name: holder.Name}, &pod)
	if err == nil && string(pod.UID) != string(holder.UID) {
		err = fmt.Errorf("%w: the status names an earlier %s", errNotYet, pod.Name)
	}
	return pod, err
}

// close ends everything; what fails is told and does not stop the rest.
func (w *world) close() error {
	var failed []error
	if w.asked != nil {
		w.asked.stop()
		<-w.asked.done
	}
	if w.cluster != nil {
		failed = append(failed, w.cluster.Stop())
	}
	return errors.Join(append(failed, os.RemoveAll(w.dir))...)
}

package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/election"
)

//go:embed crashes.yaml
var crashesManifest []byte

const (
	crashNamespace = "crashes"
	memberImage    = "localhost/member:dev"
	// crashesEach is how often the leader of each kind is killed.
	crashesEach = 15
)

// crashKind is an elector in pods of a restart policy. Both electors have their defaults, 15 s, 10 s and 2 s.
type crashKind struct {
	elector election.Elector
	restart corev1.RestartPolicy
	// pools are measured side by side, as nearly all of the time is waiting.
	pools int
}

var crashKinds = []crashKind{
	{election.Lead, corev1.RestartPolicyNever, 1},
	{election.Lead, corev1.RestartPolicyAlways, 1},
	{election.ClientGo, corev1.RestartPolicyNever, 5},
	{election.ClientGo, corev1.RestartPolicyAlways, 5},
}

func (k crashKind) pool(n int) string {
	return fmt.Sprintf("%s-%s-%d", k.elector, strings.ToLower(string(k.restart)), n)
}

// crash is one leader that was killed.
type crash struct {
	kind crashKind
	pool string
	// killed is when, by the machine's monotonic clock; worked when the next one began.
	killed, worked time.Duration
	report
	// same: the next one was the same pod.
	same bool
}

// measureCrashes kills leaders of both electors in pods, and notes how long nobody works.
func measureCrashes(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	file := filepath.Join(w.dir, "crashes.yaml")
	if err := os.WriteFile(file, crashesManifest, 0o644); err != nil {
		return "", err
	}
	if _, err := w.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
		return "", err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	site, err := w.openCrashSite(ctx)
	if err != nil {
		return "", err
	}
	var mu sync.Mutex
	all, bound := errgroup.WithContext(ctx)
	for _, kind := range crashKinds {
		for n := range kind.pools {
			all.Go(func() error {
				p := &crashPool{site: site, kind: kind, name: kind.pool(n)}
				if err := p.open(bound); err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				for range crashesEach / kind.pools {
					one, err := p.crash(bound)
					if err != nil {
						return fmt.Errorf("%s: %w", p.name, err)
					}
					mu.Lock()
					w.crashes = append(w.crashes, one)
					mu.Unlock()
				}
				return nil
			})
		}
	}
	if err := all.Wait(); err != nil {
		return "", err
	}
	_, err = w.cluster.Kubectl(ctx, "delete", "namespace", crashNamespace)
	return fmt.Sprintf("%d leaders killed", len(w.crashes)), err
}

// crashPool are three pods, one on each node, that contend for one Lease. It is for one goroutine.
type crashPool struct {
	site *crashSite
	kind crashKind
	name string
	made int
}

// open makes the pods and waits until one works.
func (p *crashPool) open(ctx context.Context) error {
	if p.kind.elector == election.Lead {
		policy := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: crashNamespace, Name: p.name}}
		policy.Spec.Mode = v1alpha1.ModeParticipant
		if err := p.site.Create(ctx, policy); err != nil {
			return err
		}
	}
	for n := range nodes {
		if err := p.add(ctx, string(cluster.Node(n+1))); err != nil {
			return err
		}
	}
	_, err := p.site.began(ctx, p.name, 0)
	return err
}

// add makes a pod on a node and waits until it contends.
func (p *crashPool) add(ctx context.Context, node string) error {
	p.made++
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: crashNamespace, Name: fmt.Sprintf("%s-%d", p.name, p.made), Labels: map[string]string{"crashes": p.name},
		},
		Spec: corev1.PodSpec{
			NodeName: node, RestartPolicy: p.kind.restart, TerminationGracePeriodSeconds: new(int64(5)),
			Containers: []corev1.Container{{
				Name: "member", Image: memberImage, ImagePullPolicy: corev1.PullNever,
				Args: []string{"-elector", string(p.kind.elector), "-namespace", crashNamespace, "-pool", p.name},
				Env:  []corev1.EnvVar{{Name: "POD_NAME", ValueFrom: field("metadata.name")}, {Name: "POD_UID", ValueFrom: field("metadata.uid")}},
			}},
		},
	}
	if p.kind.elector == election.Lead {
		pod.Annotations = map[string]string{v1alpha1.PoolAnnotation: p.name}
	}
	if err := p.site.Create(ctx, pod); err != nil {
		return err
	}
	return p.site.await(ctx, soon, pod.Name+" to contend", func(ctx context.Context) error {
		var now corev1.Pod
		if err := p.site.Get(ctx, client.ObjectKeyFromObject(pod), &now); err != nil {
			return err
		}
		if !isReady(now) {
			return errNotYet
		}
		return nil
	})
}

// crash kills the leader, waits for the next one, and replaces the pod: a container that ends twice is started again after a pause.
func (p *crashPool) crash(ctx context.Context) (crash, error) {
	one := crash{kind: p.kind, pool: p.name}
	// At any moment between two renewals.
	select {
	case <-time.After(time.Second + rand.N(5*time.Second)):
	case <-ctx.Done():
		return one, context.Cause(ctx)
	}
	leads, err := p.site.began(ctx, p.name, 0)
	if err != nil {
		return one, err
	}
	var pod corev1.Pod
	if err := p.site.Get(ctx, client.ObjectKey{Namespace: crashNamespace, Name: leads.pod}, &pod); err != nil {
		return one, err
	}
	one.killed = election.Now()
	if err := p.site.signal(pod, syscall.SIGKILL); err != nil {
		return one, err
	}
	next, err := p.site.began(ctx, p.name, one.killed)
	if err != nil {
		return one, err
	}
	one.worked, one.same = next.at, next.pod == leads.pod
	if one.report, err = p.site.reported(ctx, pod); err != nil {
		return one, err
	}
	if _, err := p.site.cluster.Kubectl(ctx, "delete", "pod", pod.Name, "--namespace", crashNamespace); err != nil {
		return one, err
	}
	return one, p.add(ctx, pod.Spec.NodeName)
}

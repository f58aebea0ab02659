package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

const (
	readyLeader = "db"
	// standsFor is how long an update is looked at that does not go on. Pods here are ready within 5 s.
	standsFor = 15 * time.Second
)

// readyRollout are the pods of examples/agent/readiness.yaml, of which only the leader is ready.
type readyRollout struct{ *world }

// rollOutReadyLeader kills the sidecar of the leader, and shows that an update stands still where readiness follows the lead, and how it goes on, as docs/agent.md says.
func rollOutReadyLeader(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	r := readyRollout{w}
	file, err := r.apply(ctx)
	if err != nil {
		return "", err
	}
	leader, err := r.awaitPods(ctx)
	if err != nil {
		return "", err
	}
	var told []string
	for _, step := range []func(context.Context, corev1.Pod) (string, error){r.sidecarRestarts, r.standsStill, r.handoverIsRefused, r.leaderStaysLast, r.goesOnWithoutIt} {
		evidence, err := step(ctx, leader)
		if err != nil {
			return "", errors.Join(fmt.Errorf("after %q: %w", told, err), r.describe(ctx))
		}
		told = append(told, evidence)
	}
	if _, err := w.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
		return "", err
	}
	for _, strategy := range []string{"maxUnavailable 100%", "Recreate"} {
		if strategy == "Recreate" {
			if _, err := w.cluster.Kubectl(ctx, "patch", "deployment", readyLeader, "--patch", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`); err != nil {
				return "", err
			}
		}
		evidence, err := r.finishes(ctx)
		if err != nil {
			return "", errors.Join(fmt.Errorf("with %s, after %q: %w", strategy, told, err), r.describe(ctx))
		}
		told = append(told, "with "+strategy+" "+evidence)
	}
	_, err = w.cluster.Kubectl(ctx, "delete", "-f", file)
	return strings.Join(told, "; "), err
}

// apply applies the example, with images that the nodes have.
func (r readyRollout) apply(ctx context.Context) (file string, err error) {
	example, err := os.ReadFile(filepath.Join(r.root, "examples", "agent", "readiness.yaml"))
	if err != nil {
		return "", err
	}
	text := strings.NewReplacer(
		"image: registry.example/zen-lead\n", "image: "+zenLeadImage+":"+currentTag+"\n",
		"image: registry.example/db\n", "image: "+appImage+"\n        args: [serve]\n",
	).Replace(string(example))
	file = filepath.Join(r.dir, "readiness.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return "", err
	}
	_, err = r.cluster.Kubectl(ctx, "apply", "-f", file)
	return file, err
}

// ready are the pods that are ready, and those that are not; none is terminating.
func (r readyRollout) ready(ctx context.Context) (ready, not []corev1.Pod, err error) {
	found, err := r.pods(ctx, namespace, "app", readyLeader)
	for _, pod := range found {
		switch {
		case pod.DeletionTimestamp != nil:
		case isReady(pod):
			ready = append(ready, pod)
		default:
			not = append(not, pod)
		}
	}
	return ready, not, err
}

// awaitPods waits until one pod is ready and all others run.
func (r readyRollout) awaitPods(ctx context.Context) (leader corev1.Pod, err error) {
	err = r.await(ctx, soon, "one ready pod of three", func(ctx context.Context) error {
		ready, not, err := r.ready(ctx)
		if err != nil {
			return err
		}
		if len(ready) != 1 || len(not) != 2 || !runs(not[0]) || !runs(not[1]) {
			return fmt.Errorf("%w: %d are ready, %d not", errNotYet, len(ready), len(not))
		}
		leader = ready[0]
		return nil
	})
	return leader, err
}

// runs says whether all that the pod consists of runs, ready or not.
func runs(pod corev1.Pod) bool {
	all := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for _, s := range all {
		if s.State.Running == nil {
			return false
		}
	}
	return len(all) == 2
}

func (r readyRollout) updated(ctx context.Context) (int32, error) {
	var d appsv1.Deployment
	err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: readyLeader}, &d)
	return d.Status.UpdatedReplicas, err
}

// strategy has the Deployment updated in another way.
func (r readyRollout) strategy(ctx context.Context, maxUnavailable, maxSurge string) error {
	_, err := r.cluster.Kubectl(ctx, "patch", "deployment", readyLeader, "--patch",
		fmt.Sprintf(`{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":%s,"maxSurge":%s}}}}`, maxUnavailable, maxSurge))
	return err
}

// awaitStandstill waits until so many pods are updated and run, and wants nothing to change then, for standsFor: the old leader is the
// one pod that is ready.
func (r readyRollout) awaitStandstill(ctx context.Context, leader corev1.Pod, updated int32, all int) error {
	look := func(ctx context.Context) error {
		now, err := r.updated(ctx)
		if err != nil {
			return err
		}
		ready, not, err := r.ready(ctx)
		if err != nil {
			return err
		}
		if now != updated || len(ready) != 1 || ready[0].UID != leader.UID || len(ready)+len(not) != all {
			return fmt.Errorf("%w: %d updated, %d ready, %d not", errNotYet, now, len(ready), len(not))
		}
		for _, pod := range not {
			if !runs(pod) {
				return fmt.Errorf("%w: %s does not run", errNotYet, pod.Name)
			}
		}
		return nil
	}
	if err := r.await(ctx, soon, fmt.Sprintf("%d updated pods", updated), look); err != nil {
		return err
	}
	for until := time.Now().Add(standsFor); time.Now().Before(until); {
		if err := look(ctx); err != nil {
			return fmt.Errorf("the update does not stand still: %w", err)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sidecarRestarts: the sidecar that the kubelet starts in the place of one that was killed takes its term over once nobody believes any
// more what that had said.
func (r readyRollout) sidecarRestarts(ctx context.Context, leader corev1.Pod) (string, error) {
	before, err := r.policy(ctx)
	if err != nil {
		return "", err
	}
	sidecar := leader.Status.InitContainerStatuses[0]
	pids, err := r.cluster.ContainerProcesses(sidecar.ContainerID)
	if err != nil {
		return "", err
	}
	killed := time.Now()
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return "", err
		}
	}
	err = r.await(ctx, soon, "the leader to lead again", func(ctx context.Context) error {
		now, err := r.policy(ctx)
		if err != nil {
			return err
		}
		if is := now.Status.CurrentHolder; now.Status.Term <= before.Status.Term || is == nil {
			return errNotYet
		} else if string(is.UID) != string(leader.UID) {
			return fmt.Errorf("%s leads, whose sidecar was not killed", is.Name)
		}
		return nil
	})
	took := time.Since(killed)
	if err != nil {
		return "", err
	}
	if least := 2 * time.Second; took < least {
		return "", fmt.Errorf("it led again after %s, and its answers are believed for %s", took, least)
	}
	again, err := r.awaitPods(ctx)
	if err != nil {
		return "", err
	}
	ended := again.Status.InitContainerStatuses[0].LastTerminationState.Terminated
	if again.UID != leader.UID || ended == nil || ended.ContainerID != sidecar.ContainerID || ended.ExitCode != 137 {
		return "", fmt.Errorf("%s is ready after %s, whose sidecar ended with %+v", again.Name, leader.Name, ended)
	}
	return fmt.Sprintf("sidecar killed: the same pod leads again after %.1f s", took.Seconds()), nil
}

func (r readyRollout) policy(ctx context.Context) (p v1alpha1.LeaderPolicy, err error) {
	err = r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: readyLeader}, &p)
	return p, err
}

// standsStill: with the default strategy.
func (r readyRollout) standsStill(ctx context.Context, leader corev1.Pod) (string, error) {
	if err := r.strategy(ctx, `"25%"`, `"25%"`); err != nil {
		return "", err
	}
	if _, err := r.cluster.Kubectl(ctx, "rollout", "restart", "deployment/"+readyLeader); err != nil {
		return "", err
	}
	if err := r.awaitStandstill(ctx, leader, 1, 4); err != nil {
		return "", err
	}
	said, err := r.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+readyLeader, "--timeout=1s")
	if err == nil {
		return "", errors.New("kubectl says that the update is complete")
	}
	return fmt.Sprintf("1 updated for %s, never ready, %s leads (%s)", standsFor, leader.Name, strings.TrimSpace(string(said))), nil
}

// handoverIsRefused: only who is ready may be handed the lead.
func (r readyRollout) handoverIsRefused(ctx context.Context, _ corev1.Pod) (string, error) {
	_, not, err := r.ready(ctx)
	if err != nil {
		return "", err
	}
	if err := r.requestHandover(ctx, readyLeader, not[0].Name); err != nil {
		return "", err
	}
	message := ""
	err = r.await(ctx, soon, "an answer to the request for a handover", func(ctx context.Context) error {
		policy, err := r.policy(ctx)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionHandover)
		if c == nil {
			return errNotYet
		}
		if c.Reason != v1alpha1.ReasonRefused || !strings.Contains(c.Message, "it is not ready") {
			return fmt.Errorf("%w: %s, %s", errNotYet, c.Reason, c.Message)
		}
		message = c.Message
		return nil
	})
	return fmt.Sprintf("handover refused (%s)", message), err
}

// leaderStaysLast: as many may be unavailable as there are followers.
func (r readyRollout) leaderStaysLast(ctx context.Context, leader corev1.Pod) (string, error) {
	if err := r.strategy(ctx, "2", "1"); err != nil {
		return "", err
	}
	return "with maxUnavailable 2 all but the leader updated, who stays", r.awaitStandstill(ctx, leader, 3, 4)
}

// goesOnWithoutIt: the old leader is deleted by hand.
func (r readyRollout) goesOnWithoutIt(ctx context.Context, leader corev1.Pod) (string, error) {
	gap := r.watchGap(ctx)
	if _, err := r.cluster.Kubectl(ctx, "delete", "pod", leader.Name, "--wait=false"); err != nil {
		return "", err
	}
	err := r.awaitReplaced(ctx)
	return fmt.Sprintf("with the leader deleted the update finished, none ready for %.1f s", gap().Seconds()), err
}

// finishes: with the example's own strategy, and with Recreate.
func (r readyRollout) finishes(ctx context.Context) (string, error) {
	gap := r.watchGap(ctx)
	began := time.Now()
	if _, err := r.cluster.Kubectl(ctx, "rollout", "restart", "deployment/"+readyLeader); err != nil {
		return "", err
	}
	if err := r.awaitReplaced(ctx); err != nil {
		return "", err
	}
	took, longest := time.Since(began), gap()
	// kubectl waits for every updated pod to be available.
	said, err := r.cluster.Kubectl(ctx, "rollout", "status", "deployment/"+readyLeader, "--timeout=1s")
	if err == nil {
		return "", errors.New("kubectl says that the update is complete, and two pods of three are not ready")
	}
	return fmt.Sprintf("it finishes by itself in %.1f s, none ready for %.1f s; then (%s)",
		took.Seconds(), longest.Seconds(), strings.TrimSpace(string(said))), nil
}

// awaitReplaced waits until all pods are of the last version, all run and one is ready. kubectl does not say so.
func (r readyRollout) awaitReplaced(ctx context.Context) error {
	return r.await(ctx, soon, "pods of one version, of which one is ready", func(ctx context.Context) error {
		var d appsv1.Deployment
		if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: readyLeader}, &d); err != nil {
			return err
		}
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != 3 || s.Replicas != 3 || s.ReadyReplicas != 1 {
			return fmt.Errorf("%w: %+v", errNotYet, s)
		}
		_, err := r.awaitPods(ctx)
		return err
	})
}

// watchGap looks for how long no pod is ready, until the function that it returns is called.
func (r readyRollout) watchGap(ctx context.Context) (longest func() time.Duration) {
	ctx, end := context.WithCancel(ctx)
	gap := make(chan time.Duration, 1)
	go func() {
		most, last := time.Duration(0), time.Now()
		for ctx.Err() == nil {
			if ready, _, err := r.ready(ctx); err == nil && len(ready) > 0 {
				most, last = max(most, time.Since(last)), time.Now()
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		gap <- most
	}()
	return func() time.Duration { end(); return <-gap }
}

// describe is an error that tells what there is.
func (r readyRollout) describe(ctx context.Context) error {
	said, err := r.cluster.Kubectl(ctx, "get", "pods", "--selector=app="+readyLeader, "--output=wide")
	return errors.Join(fmt.Errorf("%s", said), err)
}

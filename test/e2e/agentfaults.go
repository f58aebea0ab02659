package e2e

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/cluster"
)

// atOnce is far longer than a release and what follows take on a busy machine, and shorter than any term.
const atOnce = 2 * time.Second

// killAgent: the kernel ends a container with its first process. The one that the kubelet starts in its place proves it dead.
func killAgent(ctx context.Context, c *crew) (o agentOutcome, err error) {
	pod, was, found, err := c.working(ctx)
	if err != nil {
		return o, err
	}
	if err := c.send(found, theAgent, syscall.SIGKILL); err != nil {
		return o, err
	}
	if err := c.awaitParts(ctx, pod); err != nil {
		return o, err
	}
	ended, err := c.awaitEnd(ctx, pod, "exit code 137")
	if err != nil {
		return o, err
	}
	o, err = c.outcome(ctx, was)
	if err == nil && o.after != o.before {
		err = fmt.Errorf("%s works after %s, whose container was started again", o.after, o.before)
	}
	o.evidence = "nothing of the container was left; " + ended
	return o, err
}

// stopAgentBriefly: for less than the time that is left of the term.
func stopAgentBriefly(ctx context.Context, c *crew) (o agentOutcome, err error) {
	_, was, found, err := c.working(ctx)
	if err != nil {
		return o, err
	}
	if err := c.stopFor(ctx, found, time.Second); err != nil {
		return o, err
	}
	again := time.Now()
	err = c.await(ctx, soon, "more work", func(context.Context) error {
		is, err := c.works.latest()
		if err == nil && is.At.Sub(again) < termLasts {
			err = errNotYet
		}
		return err
	})
	if err != nil {
		return o, err
	}
	is, err := c.works.latest()
	if err == nil && is.Term != was.Term {
		err = fmt.Errorf("%s works in term %d after %s in term %d", is.Pod, is.Term, was.Pod, was.Term)
	}
	return agentOutcome{before: was.Pod, after: is.Pod, evidence: "the agent stood still, and the term went on"}, errors.Join(err, c.check())
}

// stopFor stops the agent alone, and lets it go on after a time.
func (c *crew) stopFor(ctx context.Context, found map[part]int, d time.Duration) error {
	if err := c.send(found, theAgent, syscall.SIGSTOP); err != nil {
		return err
	}
	over := time.After(d)
	if err := awaitStill(ctx, c, found[theAgent]); err != nil {
		return err
	}
	select {
	case <-over:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := awaitStill(ctx, c, found[theAgent]); err != nil {
		return err
	}
	return c.send(found, theAgent, syscall.SIGCONT)
}

// stopAgent: the guard ends program and escaped process though the agent cannot.
func stopAgent(d time.Duration) func(context.Context, *crew) (agentOutcome, error) {
	return func(ctx context.Context, c *crew) (o agentOutcome, err error) {
		pod, was, found, err := c.working(ctx)
		if err != nil {
			return o, err
		}
		stopped := time.Now()
		on := make(chan error, 1)
		go func() { on <- c.stopFor(ctx, found, d) }()
		// The guard leaves as well: it has reported. An agent that stands still does not wait for it, and it stays as a zombie.
		standing, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		guarded := c.awaitParts(standing, pod, theAgent)
		ended := time.Since(stopped)
		if err := errors.Join(guarded, <-on); err != nil {
			return o, err
		}
		if o, err = c.outcome(ctx, was); err != nil {
			return o, err
		}
		if err := c.awaitSaid(ctx, was.Pod, "Waiting for the lead", stopped); err != nil && o.after != o.before {
			return o, err
		}
		var now corev1.Pod
		if err := c.Get(ctx, client.ObjectKeyFromObject(&pod), &now); err != nil {
			return o, err
		}
		if before, after := pod.Status.ContainerStatuses[0].RestartCount, now.Status.ContainerStatuses[0].RestartCount; before != after {
			return o, fmt.Errorf("the container was started %d times before and %d after", before, after)
		}
		o.evidence = fmt.Sprintf("agent in state T, the guard had ended everything else %.1f s after; it contends again in the same container", ended.Seconds())
		return o, nil
	}
}

// killProgram: the agent has the program's exit code, and has released the term.
func killProgram(ctx context.Context, c *crew) (o agentOutcome, err error) {
	pod, was, found, err := c.working(ctx)
	if err != nil {
		return o, err
	}
	if err := c.send(found, theProgram, syscall.SIGKILL); err != nil {
		return o, err
	}
	if o, err = c.outcome(ctx, was); err != nil {
		return o, err
	}
	if o.after == o.before || o.silence > atOnce {
		return o, fmt.Errorf("%s works %s after %s, whose program was killed", o.after, o.silence, o.before)
	}
	o.evidence, err = c.awaitExit(ctx, pod, 137)
	return o, err
}

// awaitExit waits until the kubelet says that the pod's container has ended, and wants that exit code; another may be started later.
func (c *crew) awaitExit(ctx context.Context, pod corev1.Pod, code int32) (string, error) {
	var ended *corev1.ContainerStateTerminated
	err := c.await(ctx, soon, "the end of the container of "+pod.Name, func(ctx context.Context) error {
		var now corev1.Pod
		if err := c.Get(ctx, client.ObjectKeyFromObject(&pod), &now); err != nil {
			return err
		}
		status := now.Status.ContainerStatuses[0]
		if ended = status.State.Terminated; ended == nil {
			ended = status.LastTerminationState.Terminated
		}
		if ended == nil || ended.ContainerID != pod.Status.ContainerStatuses[0].ContainerID {
			return errNotYet
		}
		return nil
	})
	if err == nil && ended.ExitCode != code {
		err = fmt.Errorf("the container ended with exit code %d, want %d", ended.ExitCode, code)
	}
	return fmt.Sprintf("the container ended with exit code %d", code), err
}

// deleteRunner: the program ends in good order.
func deleteRunner(ctx context.Context, c *crew) (o agentOutcome, err error) {
	pod, was, _, err := c.working(ctx)
	if err != nil {
		return o, err
	}
	began := time.Now()
	if _, err := deletePod(ctx, c.world, pod); err != nil {
		return o, err
	}
	gone := time.Since(began)
	if o, err = c.outcome(ctx, was); err != nil {
		return o, err
	}
	if !c.works.hasEnded(was.Term) || o.silence > atOnce {
		return o, fmt.Errorf("%s works %s after %s, which ended in good order: %t", o.after, o.silence, o.before, c.works.hasEnded(was.Term))
	}
	o.evidence = fmt.Sprintf("the program ended in good order, its pod was gone after %.1f s", gone.Seconds())
	return o, nil
}

// renewed is when the Lease was renewed last, by the clock that all nodes share. It must name the pod.
func (c *crew) renewed(ctx context.Context, pod string) (time.Time, error) {
	var l coordinationv1.Lease
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: c.app}, &l); err != nil {
		return time.Time{}, err
	}
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity != pod || l.Spec.RenewTime == nil {
		return time.Time{}, fmt.Errorf("the Lease is not %s's: %+v", pod, l.Spec)
	}
	return l.Spec.RenewTime.Time, nil
}

// handOverStubborn: a program that ignores SIGTERM gets what is left of the term.
func handOverStubborn(ctx context.Context, c *crew) (o agentOutcome, err error) {
	_, was, found, err := c.working(ctx)
	if err != nil {
		return o, err
	}
	began := time.Now()
	if err := c.send(found, theAgent, syscall.SIGUSR1); err != nil { // the agent passes it on
		return o, err
	}
	if err := c.awaitSaid(ctx, was.Pod, "stays", began); err != nil {
		return o, err
	}
	to, err := c.askForHandover(ctx, was)
	if err != nil {
		return o, err
	}
	if err := c.awaitSaid(ctx, was.Pod, "told", began); err != nil {
		return o, err
	}
	told := time.Now()
	renewed, err := c.renewed(ctx, was.Pod)
	if err != nil {
		return o, err
	}
	if o, err = c.outcome(ctx, was); err != nil {
		return o, err
	}
	_, last := c.works.bounds(was.Term)
	switch {
	case o.after != to:
		err = fmt.Errorf("%s was to work, and %s does", to, o.after)
	case c.works.hasEnded(was.Term) || last.Before(told):
		err = fmt.Errorf("the program ended by itself, %s after it was told", last.Sub(told))
	case last.Sub(renewed) > termEnds || o.silence > atOnce:
		err = fmt.Errorf("it worked until %s after the last renewal, and nobody for %s", last.Sub(renewed), o.silence)
	}
	o.evidence = fmt.Sprintf("it worked on for %.1f s after SIGTERM, until %.1f s after the last renewal", last.Sub(told).Seconds(), last.Sub(renewed).Seconds())
	return o, err
}

// deleteByForce takes the leader's pod out of the API while nothing reaches its process, and returns when its term was renewed last.
func (c *crew) deleteByForce(ctx context.Context, pod corev1.Pod) (renewed time.Time, err error) {
	if _, err := c.cluster.Kubectl(ctx, "delete", "pod", pod.Name, "--force", "--grace-period=0"); err != nil {
		return renewed, err
	}
	if _, err := c.awaitGone(ctx, pod); err != nil {
		return renewed, err
	}
	return c.renewed(ctx, pod.Name)
}

// afterTerm waits for the next term and wants it to have begun after the end of the one that was renewed last at that time.
func (c *crew) afterTerm(ctx context.Context, was Work, renewed time.Time) (o agentOutcome, began time.Time, err error) {
	if o, err = c.outcome(ctx, was); err != nil {
		return o, began, err
	}
	is, err := c.works.latest()
	if err != nil {
		return o, began, err
	}
	began, _ = c.works.bounds(is.Term)
	if after := began.Sub(renewed); after < termOver {
		err = fmt.Errorf("%s works %s after the last renewal of %s, whose pod is gone and whose process is not", o.after, after, o.before)
	}
	return o, began, err
}

// cutRunnerOff: gone is not dead. The process works on, unseen, until its own clock ends the term.
func cutRunnerOff(ctx context.Context, c *crew) (o agentOutcome, err error) {
	pod, was, err := c.workElsewhere(ctx)
	if err != nil {
		return o, err
	}
	node := cluster.Component(pod.Spec.NodeName)
	if err := c.cluster.CutOff(ctx, node); err != nil {
		return o, err
	}
	renewed, err := c.deleteByForce(ctx, pod)
	if err != nil {
		return o, err
	}
	gone := time.Now()
	living, err := c.parts(pod)
	if err != nil || living[theProgram] == 0 || living[theEscaped] == 0 {
		return o, errors.Join(err, fmt.Errorf("%s is cut off, and the processes of its pod are %v", node, living))
	}
	o, began, err := c.afterTerm(ctx, was, renewed)
	if err != nil {
		return o, err
	}
	_, last := c.works.bounds(was.Term)
	if last.Before(gone) || last.Sub(renewed) > termEnds {
		return o, fmt.Errorf("it worked until %s after its pod was gone, and %s after its last renewal", last.Sub(gone), last.Sub(renewed))
	}
	// All that its node did meanwhile is on the node's disk, and was read there.
	if err := c.awaitParts(ctx, pod, theAgent, theGuard); err != nil {
		return o, err
	}
	if err := c.cluster.Reconnect(ctx, node); err != nil {
		return o, err
	}
	if err := c.awaitParts(ctx, pod); err != nil {
		return o, err
	}
	o.evidence = fmt.Sprintf("%s unplugged; the program worked on for %.1f s after its pod was gone, until %.1f s after the last renewal; the next began %.1f s after that renewal, while the old agent lived on",
		node, last.Sub(gone).Seconds(), last.Sub(renewed).Seconds(), began.Sub(renewed).Seconds())
	return o, c.check()
}

// lateWithin bounds for how long after a thaw somebody works in a term that is over: until the guard is given a processor.
const lateWithin = time.Second

// freezeRunner: nothing that stands still can end itself, and whatever was under way happens when it goes on.
func freezeRunner(ctx context.Context, c *crew) (o agentOutcome, err error) {
	pod, was, err := c.workElsewhere(ctx)
	if err != nil {
		return o, err
	}
	node := cluster.Component(pod.Spec.NodeName)
	if err := c.cluster.Freeze(node); err != nil {
		return o, err
	}
	frozen := time.Now()
	renewed, err := c.deleteByForce(ctx, pod)
	if err != nil {
		return o, err
	}
	o, began, err := c.afterTerm(ctx, was, renewed)
	if err != nil {
		return o, err
	}
	still, err := c.parts(pod)
	if err != nil || len(still) != 4 {
		return o, errors.Join(err, fmt.Errorf("%s is frozen, and the processes of its pod are %v", node, still))
	}
	for _, pid := range still {
		if err := awaitStill(ctx, c, pid); err != nil {
			return o, err
		}
	}
	thawed := time.Now()
	if err := c.cluster.Resume(node); err != nil {
		return o, err
	}
	if err := c.awaitParts(ctx, pod); err != nil {
		return o, err
	}
	if err := c.settled(ctx); err != nil {
		return o, err
	}
	for _, w := range c.works.all() {
		if w.Term != was.Term || w.At.Before(began) {
			continue
		}
		if w.At.Before(thawed) || w.At.Sub(thawed) > lateWithin {
			return o, fmt.Errorf("%s worked in term %d %s after its node was thawed", w.Pod, w.Term, w.At.Sub(thawed))
		}
		o.late++
		c.late[w] = true
	}
	o.evidence = fmt.Sprintf("%s stood still for %.1f s with the processes of the pod, which was gone; the next began %.1f s after the last renewal",
		node, thawed.Sub(frozen).Seconds(), began.Sub(renewed).Seconds())
	return o, c.check()
}

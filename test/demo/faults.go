package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

func (d *demo) deletePod(ctx context.Context, pod *corev1.Pod) (*comeback, error) {
	// --wait=false: the wait would be kubectl's, not the demo's.
	return nil, d.kubectl(ctx, "delete", "pod", pod.Name, "--wait=false")
}

func (d *demo) makeUnready(ctx context.Context, pod *corev1.Pod) (*comeback, error) {
	return nil, d.setServing(ctx, pod, corev1.ConditionFalse)
}

func (d *demo) makeReady(ctx context.Context, pod *corev1.Pod) error {
	return d.setServing(ctx, pod, corev1.ConditionTrue)
}

func (d *demo) setServing(ctx context.Context, pod *corev1.Pod, status corev1.ConditionStatus) error {
	fake, err := isFake(ctx, d.place.client, pod)
	if err != nil {
		return err
	}
	return d.kubectl(ctx, "patch", "pod", pod.Name, "--subresource=status", "-p", conditionPatch(status, fake))
}

// comeback is when the controller was killed, was started and was ready again.
type comeback struct{ killed, started, ready time.Time }

func (b comeback) restart(t timing) *restart {
	return &restart{away: since(b.started, b.killed), starting: since(b.ready, b.started), afterReady: since(t.moved, b.ready)}
}

// deleteWithoutController kills the controller, deletes the leader, and starts the controller again.
func (d *demo) deleteWithoutController(ctx context.Context, leader *corev1.Pod) (*comeback, error) {
	b := &comeback{killed: time.Now()}
	if err := d.controller.Kill(); err != nil {
		return nil, fmt.Errorf("kill the controller: %w", err)
	}
	d.tell.text("")
	d.tell.line("kill -9 %d: the controller is dead", d.controller.PID())
	mark := d.observer.mark()
	if _, err := d.deletePod(ctx, leader); err != nil {
		return nil, err
	}
	if err := d.await(ctx, patience, "the deletion", d.happened(mark, deleted(leader.UID))); err != nil {
		return nil, err
	}
	if _, err := measure(d.observer.events(), mark, leader.UID, deleted(leader.UID)); err == nil {
		return nil, errors.New("the pool moved without the controller: another one acts on this cluster")
	}
	d.tell.text("")
	b.started = time.Now()
	if err := d.launch(ctx); err != nil {
		return nil, err
	}
	d.tell.line("the controller is started again, as process %d", d.controller.PID())
	var err error
	b.ready, err = d.awaitReady(ctx)
	return b, err
}

// happened finds whether an event came.
func (d *demo) happened(mark int, is fault) func(*world) findings {
	return func(*world) findings {
		if slices.ContainsFunc(d.observer.log[mark:], is) { // it is held while this is called
			return nil
		}
		return findings{"expected the event of the fault, saw none"}
	}
}

// launch starts the controller as a process of its own, under its account.
func (d *demo) launch(ctx context.Context) error {
	var err error
	d.controller, err = zenlead.Launch(ctx, &cluster.Cluster{Dir: d.place.dir}, zenlead.Options{
		Kubeconfig: d.account, Log: filepath.Join(d.place.logs, "controller.log"),
	})
	return err
}

// awaitReady returns when the controller said that it is ready. It asks often: what follows is timed from there.
func (d *demo) awaitReady(ctx context.Context) (time.Time, error) {
	const often = 10 * time.Millisecond
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	c := d.controller
	go func() {
		_ = c.Wait(ctx) // however it ended
		cancel()
	}()
	err := wait.PollUntilContextCancel(ctx, often, true, func(ctx context.Context) (bool, error) {
		status, err := c.Probe(ctx, "/readyz")
		return err == nil && status == http.StatusOK, nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("the controller is not ready: %w; its log is %s", context.Cause(ctx), c.Log)
	}
	return time.Now(), nil
}

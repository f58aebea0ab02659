package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

func (d *demo) deletePod(ctx context.Context, pod *corev1.Pod) error {
	// --wait=false: the wait would be kubectl's, not the demo's.
	return d.kubectl(ctx, "delete", "pod", pod.Name, "--wait=false")
}

func (d *demo) makeUnready(ctx context.Context, pod *corev1.Pod) error {
	return d.setServing(ctx, pod, corev1.ConditionFalse)
}

// handOver asks for the lead to be moved to a follower.
func (d *demo) handOver(ctx context.Context, leader *corev1.Pod) error {
	var to string
	d.observer.look(func(w *world) {
		for _, p := range w.pods {
			if p.UID != leader.UID && isReady(p) && (to == "" || p.Name < to) {
				to = p.Name
			}
		}
	})
	return d.kubectl(ctx, "annotate", "leaderpolicy", poolName, v1alpha1.HandoverAnnotation+"="+to)
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

// deleteWithoutController kills the replica that moved the pool last and deletes the leader. The other one moves it.
func (d *demo) deleteWithoutController(ctx context.Context, leader *corev1.Pod) error {
	c, err := d.mover()
	if err != nil {
		return err
	}
	if err := c.Kill(); err != nil {
		return fmt.Errorf("kill the controller: %w", err)
	}
	d.tell.text("")
	d.tell.line("kill -9 %d: the replica that moved the pool is dead, and is not started again", c.PID())
	return d.deletePod(ctx, leader)
}

// mover returns the replica that wrote the pool's Lease last: the pool prefers it.
func (d *demo) mover() (*zenlead.Controller, error) {
	var last *zenlead.Controller
	most := 0
	for _, c := range d.controllers {
		lines, err := c.Lines("The Lease changed hands")
		if err != nil {
			return nil, err
		}
		if len(lines) > most {
			last, most = c, len(lines)
		}
	}
	if last == nil {
		return nil, errors.New("no replica says that it moved the pool")
	}
	return last, nil
}

// start starts a replica as a process of its own, under the account, and waits until it is ready.
func (d *demo) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	c, err := zenlead.Launch(ctx, &cluster.Cluster{Dir: d.place.dir}, zenlead.Options{
		API: true, Kubeconfig: d.account, Log: filepath.Join(d.place.logs, fmt.Sprintf("controller-%d.log", len(d.controllers)+1)),
	})
	if err != nil {
		return err
	}
	d.controllers = append(d.controllers, c)
	return c.AwaitReady(ctx)
}

// stop ends a replica. A killed one could not delete its Lease; nobody would until an hour has passed.
func (d *demo) stop(ctx context.Context, c *zenlead.Controller) error {
	err := c.Terminate()
	_ = c.Wait(ctx) // however it ended
	err = errors.Join(err, c.Kill())
	if d.place.local != nil {
		return err // the cluster goes
	}
	name, nameErr := c.Lease()
	if name == "" || nameErr != nil {
		return errors.Join(err, nameErr)
	}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: zenlead.Namespace, Name: name}}
	return errors.Join(err, client.IgnoreNotFound(d.place.client.Delete(ctx, lease)))
}

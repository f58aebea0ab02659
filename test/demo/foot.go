package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/demo/live"
)

// startFoot shows the pool at the foot of the terminal, if it is one, until endFoot is called.
func (d *demo) startFoot(ctx context.Context) {
	out := d.tell.out.to(nil)
	if !live.OnTerminal(out) {
		d.tell.out.to(out)
		return
	}
	f := live.Start(out)
	d.tell.out.to(f)
	ctx, cancel := context.WithCancel(ctx)
	go d.keepFoot(ctx, f)
	d.endFoot = sync.OnceFunc(func() {
		cancel()
		f.Close()
		d.tell.out.to(out)
	})
}

// keepFoot shows the pool at the foot of the terminal as the watches see it, until ctx ends.
func (d *demo) keepFoot(ctx context.Context, f *live.Foot) {
	for {
		d.observer.mu.Lock()
		text, changed := d.observer.world.picture(), d.observer.changed
		d.observer.mu.Unlock()
		f.Show(text)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// picture is the pool in a few lines.
func (w *world) picture() string {
	var b strings.Builder
	r, _ := w.record()
	fmt.Fprintf(&b, "\n  pool %s   term %d   Service %s -> %s\n", poolName, r.term(), serviceName, w.name(w.target()))
	pods := make([]*corev1.Pod, 0, len(w.pods))
	for _, p := range w.pods {
		pods = append(pods, p)
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range pods {
		mark := " "
		if p.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleLeader {
			mark = "*"
		}
		fmt.Fprintf(&b, "  %s %-28s %-10s %s\n", mark, p.Name, p.Labels[v1alpha1.RoleLabel], condition(p))
	}
	return b.String()
}

func condition(p *corev1.Pod) string {
	switch {
	case p.DeletionTimestamp != nil:
		return "terminating"
	case isReady(p):
		return "ready"
	default:
		return "not ready"
	}
}

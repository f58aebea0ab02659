package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	_ "embed" // the pool

	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

//go:embed pool.yaml
var poolManifest []byte

const (
	// size is the number of pods of the pool.
	size = 3
	// replicas of the controller run.
	replicas = 2
)

const (
	// patience is how long anything may take before the demo says that it failed.
	patience = 30 * time.Second
	// pullTime is how long the first pods may take, whose image may have to be pulled.
	pullTime = 3 * time.Minute
)

// demo is one run.
type demo struct {
	tell  *teller
	place *place
	// endFoot ends the foot of the terminal, if there is one.
	endFoot func()

	observer *observer
	// recorder is nil before it is started and after it was stopped.
	recorder *record.Recorder
	// account is the kubeconfig of the controller, for the account zen-lead.
	account string
	// controllers are the replicas that were started, in that order; one is killed on the way.
	controllers []*zenlead.Controller
}

// run tells the whole story.
func (d *demo) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if err := d.build(ctx); err != nil {
		return err
	}
	if err := d.prepare(watching); err != nil {
		return err
	}
	if err := d.elect(ctx); err != nil {
		return err
	}
	var results []result
	for i, s := range d.steps() {
		r, err := d.step(ctx, i+1, s)
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s.what, err)
		}
		results = append(results, r)
	}
	d.endFoot()
	report, err := d.judge(ctx)
	if err != nil {
		return err
	}
	d.tell.text("")
	if err := writeTable(d.tell.out, results); err != nil {
		return err
	}
	d.tell.text(`
Every step held: one leader, named by Service and status; a larger term each time; the Service is the same.
History: %d writes, %d terms, %d moves; no term had two leaders, and nothing else broke the contract.`, report.Events, report.Terms, report.Moves)
	if err := d.corrupt(ctx); err != nil {
		return err
	}
	return d.contend(ctx)
}

// build makes the controller, or finds that it is made: no step should have to wait for that.
func (d *demo) build(ctx context.Context) error {
	defer d.tell.during("building the controller")()
	_, err := zenlead.Build(ctx)
	return err
}

// prepare makes the namespace, begins to watch and to record, and only then makes the pool.
func (d *demo) prepare(ctx context.Context) error {
	p := d.place
	p.made.namespace = true
	if err := p.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.namespace}}); err != nil {
		return fmt.Errorf("make namespace %s: %w", p.namespace, err)
	}
	var err error
	o := record.Options{Namespaces: []string{p.namespace}, File: filepath.Join(p.logs, "history.jsonl")}
	if d.recorder, err = record.Start(ctx, p.config, o); err != nil {
		return err
	}
	if d.observer, err = observe(ctx, p.client, p.namespace); err != nil {
		return err
	}
	go keepGates(ctx, p.client, d.observer)
	d.startFoot(ctx)

	manifest := filepath.Join(p.dir, "pool.yaml")
	if err := os.WriteFile(manifest, poolManifest, 0o600); err != nil {
		return err
	}
	if _, err := p.run(ctx, "apply", "-f", manifest); err != nil {
		return err
	}
	err = d.await(ctx, pullTime, "three ready pods", func(w *world) (f findings) {
		w.checkReady(claim{members: size, candidates: size}, &f)
		return f
	})
	if err != nil {
		return err
	}
	d.tell.line("a LeaderPolicy, and a Deployment whose %d pods carry the annotation zen-lead/pool: %s; the pods are ready", size, poolName)
	return d.refuseRival()
}

// refuseRival: where another controller leads the pool, killing ours would show nothing.
func (d *demo) refuseRival() (err error) {
	d.observer.look(func(w *world) {
		if w.lease != nil || w.policy != nil && w.policy.Status.Phase != "" {
			err = errors.New("another controller of zen-lead acts on this cluster: stop it, the demo kills and starts its own")
		}
	})
	return err
}

// elect starts the controllers and shows the first leader.
func (d *demo) elect(ctx context.Context) error {
	var err error
	if d.account, err = d.place.account(ctx, zenlead.Namespace, zenlead.Account); err != nil {
		return err
	}
	for range replicas {
		if err := d.start(ctx); err != nil {
			return err
		}
	}
	d.tell.line("two replicas of the controller run as processes %d and %d, under the account %s/%s",
		d.controllers[0].PID(), d.controllers[1].PID(), zenlead.Namespace, zenlead.Account)
	first := claim{members: size, candidates: size}
	if err := d.await(ctx, patience, "the first election", func(w *world) findings { return w.check(first) }); err != nil {
		return err
	}
	return d.show(ctx)
}

// await waits until the world has no findings.
func (d *demo) await(ctx context.Context, patience time.Duration, what string, check func(*world) findings) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%s: not within %s", what, patience))
	defer cancel()
	defer d.tell.during(what)()
	return d.observer.await(ctx, check)
}

// show runs what a user would, to see who leads.
func (d *demo) show(ctx context.Context) error {
	for _, args := range [][]string{
		{"get", "leaderpolicy"},
		{"get", "pods", "-L", "zen-lead/role"},
	} {
		said, err := d.place.run(ctx, args...)
		if err != nil {
			return err
		}
		d.tell.shell(args, said)
	}
	return nil
}

// judge ends the recorded history and replays it.
func (d *demo) judge(ctx context.Context) (history.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := d.recorder
	d.recorder = nil
	events, err := r.Stop(ctx)
	if err != nil {
		return history.Report{}, err
	}
	report := history.Check(events)
	if err := report.Err(); err != nil {
		return report, fmt.Errorf("the recorded history breaks the contract: %w", err)
	}
	if steps := len(d.steps()); report.Terms != steps+1 || report.Moves != steps {
		return report, fmt.Errorf("expected %d terms and %d moves in the recorded history, saw %d and %d", steps+1, steps, report.Terms, report.Moves)
	}
	return report, nil
}

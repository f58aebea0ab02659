package demo

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/test/bench/audit"
)

// step is one fault and what must follow.
type step struct {
	what string
	// do makes the fault.
	do func(ctx context.Context, leader *corev1.Pod) error
	// seen recognises the event of the fault.
	seen func(leader *corev1.Pod) fault
	// alive: the old leader goes on; fewer is how many candidates are missing then.
	alive bool
	fewer int
	// undo makes the pool whole again; nil where it becomes so by itself.
	undo func(ctx context.Context, leader *corev1.Pod) error
}

func (d *demo) steps() []step {
	steps := []step{
		{what: "leader pod deleted", do: d.deletePod, seen: deleted},
		{what: "leader made unready", do: d.makeUnready, seen: unready, alive: true, fewer: 1, undo: d.makeReady},
		{what: "planned handover", do: d.handOver, seen: asked, alive: true},
	}
	if d.place.local != nil { // the nodes of a borrowed cluster are other people's too
		steps = append(steps,
			step{what: "leader's node unreachable", do: d.loseNode, seen: nodeLost, alive: true},
			step{what: "leader's node drained", do: d.drain, seen: nodeCordoned},
		)
	}
	return append(steps, step{what: "controller killed, then the leader deleted", do: d.deleteWithoutController, seen: deleted})
}

// step makes a fault, waits for the end of the move, and checks and measures it.
func (d *demo) step(ctx context.Context, number int, s step) (result, error) {
	d.tell.text("\n--- %d. %s", number, s.what)
	leader, before, service := d.leader()
	want := claim{members: size, candidates: size - s.fewer, after: &before, alive: s.alive, service: service}
	mark, began := d.observer.mark(), time.Now()
	if err := s.do(ctx, leader); err != nil {
		return result{}, err
	}
	if err := d.await(ctx, patience, "the move", func(w *world) findings { return w.check(want) }); err != nil {
		return result{}, err
	}
	if err := d.show(ctx); err != nil {
		return result{}, err
	}
	r, err := d.measure(s, mark, leader)
	if err != nil {
		return result{}, err
	}
	if r.writes, err = d.count(began, time.Now()); err != nil {
		return result{}, err
	}
	// Once more: what was as claimed must have stayed so while it was shown.
	d.observer.look(func(w *world) { err = w.check(want).err() })
	if err != nil {
		return result{}, err
	}
	_, after, _ := d.leader()
	d.tellResult(r, before, after)
	if s.undo == nil {
		return r, nil
	}
	return r, d.restore(ctx, s, leader, after, service)
}

// leader returns who leads. It is called only where a claim holds.
func (d *demo) leader() (leader *corev1.Pod, r leaseRecord, service types.UID) {
	d.observer.look(func(w *world) {
		r, _ = w.record()
		leader, service = w.pods[r.holder], w.service.UID
	})
	return leader, r, service
}

func (d *demo) measure(s step, mark int, leader *corev1.Pod) (result, error) {
	t, err := measure(d.observer.events(), mark, leader.UID, s.seen(leader))
	if err != nil {
		return result{}, err
	}
	r := result{what: s.what, from: leader.Name, took: t.took()}
	d.observer.look(func(w *world) { r.to = w.name(t.successor) })
	return r, nil
}

// count returns what zen-lead wrote, nil where nobody can tell.
func (d *demo) count(from, to time.Time) (*writes, error) {
	path := d.place.auditLog()
	if path == "" {
		return nil, nil //nolint:nilnil // "-" in the table
	}
	requests, err := audit.Read(path, from, to)
	if err != nil {
		return nil, err
	}
	w := countWrites(requests)
	return &w, nil
}

func (d *demo) tellResult(r result, before, after leaseRecord) {
	d.tell.text("")
	d.tell.line("%s ms after the fault Service %s pointed at %s; term %d, then %d", millis(r.took), serviceName, r.to, before.term(), after.term())
	if r.writes != nil {
		d.tell.line("API writes of zen-lead: %s", r.writes)
	}
}

// restore makes the pool whole again. Nobody moves for that.
func (d *demo) restore(ctx context.Context, s step, old *corev1.Pod, now leaseRecord, service types.UID) error {
	if err := s.undo(ctx, old); err != nil {
		return err
	}
	want := claim{members: size, candidates: size, after: &now, same: true, service: service}
	if err := d.await(ctx, patience, "the pool to be whole again", func(w *world) findings { return w.check(want) }); err != nil {
		return err
	}
	d.tell.line("%s is ready again and follows: the leader stays", old.Name)
	return nil
}

// kubectl runs and shows a command that changes something.
func (d *demo) kubectl(ctx context.Context, args ...string) error {
	said, err := d.place.run(ctx, args...)
	if err != nil {
		return fmt.Errorf("kubectl %s: %w", args[0], err)
	}
	d.tell.shell(args, said)
	return nil
}

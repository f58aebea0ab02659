package churn

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Action is one kind of thing that happens to pools.
type Action string

// Actions on pods.
const (
	CreatePod Action = "create-pod"
	// DeletePod leaves no time to end, like the loss of a node.
	DeletePod Action = "delete-pod"
	// RecreatePod deletes a pod and creates one of the same name at once, as a StatefulSet would.
	RecreatePod  Action = "recreate-pod"
	MarkNotReady Action = "mark-not-ready"
	MarkReady    Action = "mark-ready"
	LeavePool    Action = "leave-pool"
	JoinPool     Action = "join-pool"
	ChangePool   Action = "change-pool"
	Exclude      Action = "exclude"
	Include      Action = "include"
)

// Edits by hand of what zen-lead writes on pods, marked as injected.
const (
	EditRoleLabel      Action = "edit-role-label"
	EditRoleAnnotation Action = "edit-role-annotation"
	EditTerm           Action = "edit-term"
	RemoveRole         Action = "remove-role"
)

// Actions on a pool and what belongs to it.
const (
	CreatePolicy Action = "create-policy"
	DeletePolicy Action = "delete-policy"
	// RecreatePolicy deletes a policy and creates one of the same name at once.
	RecreatePolicy Action = "recreate-policy"
	DeleteService  Action = "delete-service"
	DeleteSlices   Action = "delete-slices"
	// DeleteLease is an administrator's: held Leases are guarded against everybody else.
	DeleteLease Action = "delete-lease"
)

// Wishes that are written on a policy.
const (
	AskHandover Action = "ask-handover"
	// EditPolicy writes another preference, with or without fail-back, and other bounds.
	EditPolicy Action = "edit-policy"
	PausePool  Action = "pause-pool"
	ResumePool Action = "resume-pool"
)

// DefaultWeights have a bit of everything and leave pools alive: most is what pods do by themselves.
func DefaultWeights() map[Action]int {
	return map[Action]int{
		DeletePod: 15, RecreatePod: 15, MarkNotReady: 20, LeavePool: 6, ChangePool: 6, Exclude: 4,
		EditRoleLabel: 5, EditRoleAnnotation: 5, EditTerm: 3, RemoveRole: 4,
		DeletePolicy: 2, RecreatePolicy: 2, DeleteService: 3, DeleteSlices: 4, DeleteLease: 4,
		AskHandover: 8, EditPolicy: 3, PausePool: 1, ResumePool: 4,
	}
}

// worker acts on pods that are its own, so that it knows what it did to them.
type worker struct {
	*load
	rand  *rand.Rand
	slots []*slot
}

func (w *worker) run(ctx context.Context) {
	// Waits of random length put workers in and out of step.
	mean := float64(time.Second) * float64(w.Workers) / w.Rate
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(w.rand.ExpFloat64() * mean)):
		}
		// What was begun is finished: a request that is cut off at the end would be neither done nor refused.
		w.act(context.WithoutCancel(ctx))
	}
}

// act draws and does one action. The draws do not depend on what the cluster answers: each turn takes the same number.
func (w *worker) act(ctx context.Context) {
	a, s, pool, chance := w.draw(), w.slots[w.rand.IntN(len(w.slots))], w.rand.IntN(w.Pools), w.rand.IntN(4)
	other := poolName(pool)
	if chance == 0 && w.isMissing(other) {
		w.onPool(ctx, CreatePolicy, other)
		return
	}
	switch a {
	case DeletePolicy, RecreatePolicy, DeleteService, DeleteSlices, DeleteLease:
		w.onPool(ctx, a, other)
	case AskHandover, EditPolicy, PausePool, ResumePool:
		w.wish(ctx, a, other, s.name, chance)
	default:
		// Three times of four what is broken is mended first: a pool of broken pods has no moves.
		if chance == 0 || !w.mend(ctx, s) {
			w.onPod(ctx, a, s, other, chance)
		}
	}
}

func (w *worker) draw() Action {
	at := w.rand.IntN(w.total)
	actions := slices.Sorted(maps.Keys(w.Weights))
	for _, a := range actions {
		if at -= w.Weights[a]; at < 0 {
			return a
		}
	}
	return actions[0] // not reached: at was less than the sum
}

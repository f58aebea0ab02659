package simulation

import (
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// batch keeps what is added to a queue until all of it is known.
type batch struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	requests   []reconcile.Request
	priorities map[reconcile.Request]int
}

func (b *batch) Add(r reconcile.Request) { b.AddWithOpts(priorityqueue.AddOpts{}, r) }

// AddWithOpts knows of no option but the priority: handlers of events use no other.
func (b *batch) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	priority := 0
	if o.Priority != nil {
		priority = *o.Priority
	}
	for _, r := range requests {
		before, there := b.priorities[r]
		if !there {
			b.requests = append(b.requests, r)
		}
		if b.priorities == nil {
			b.priorities = map[reconcile.Request]int{}
		}
		if !there || priority > before {
			b.priorities[r] = priority
		}
	}
}

// flush adds each once, with the highest of its priorities, as the queue itself would have merged them.
func (b *batch) flush() {
	for _, r := range b.requests {
		b.PriorityQueue.AddWithOpts(priorityqueue.AddOpts{Priority: new(b.priorities[r])}, r)
	}
}

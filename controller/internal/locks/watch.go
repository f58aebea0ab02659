package locks

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
)

// watchers are who follows a lock.
type watchers map[types.NamespacedName]map[chan struct{}]bool

// Handler hears of ManualLocks.
func (k *Keeper) Handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    k.saw,
		UpdateFunc: func(_, o any) { k.saw(o) },
		DeleteFunc: func(o any) {
			if d, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
				o = d.Obj
			}
			if l, ok := o.(*v1alpha1.ManualLock); ok {
				k.lost(l)
			}
		},
	}
}

func (k *Keeper) saw(object any) {
	o, ok := object.(*v1alpha1.ManualLock)
	if !ok {
		return
	}
	name := nameOf(o)
	k.mu.Lock()
	was, known := k.known[name]
	if !known {
		k.sorted = nil
	}
	k.known[name] = o
	d := k.desks[name]
	k.wake(name)
	k.mu.Unlock()
	if known && was.UID != o.UID {
		k.buryObject(was)
	}
	if d != nil {
		d.saw(o)
	}
	if o.Annotations[v1alpha1.ForceReleaseAnnotation] != "" {
		k.order(o)
	}
}

// lost notes that a lock was deleted.
func (k *Keeper) lost(o *v1alpha1.ManualLock) {
	name := nameOf(o)
	k.mu.Lock()
	if now := k.known[name]; now == nil || now.UID != o.UID {
		k.mu.Unlock()
		return
	}
	delete(k.known, name)
	k.sorted = nil
	d := k.desks[name]
	k.wake(name)
	k.mu.Unlock()
	k.buryObject(o)
	if d != nil {
		d.gone()
		k.happens(name, d.waits())
	}
}

// buryObject remembers until when the holder of a lock that was deleted may go on.
func (k *Keeper) buryObject(o *v1alpha1.ManualLock) {
	h := recordOf(&o.Status).Holder
	if h == nil {
		return
	}
	wait := lock.Wait(h.TTL)
	if self, _ := k.Self.Term(); h.Home != self {
		wait += lock.Wait(k.Lasts) // its home may not have heard yet
	}
	k.bury(nameOf(o), k.Now().Add(wait))
}

func nameOf(o *v1alpha1.ManualLock) types.NamespacedName {
	return types.NamespacedName{Namespace: o.Namespace, Name: o.Name}
}

// List returns the locks after a name, in the order of their names; the first call after a change sorts them.
func (k *Keeper) List(namespace string, after types.NamespacedName, most int) (list []*v1alpha1.ManualLock, more bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sorted == nil {
		k.sorted = slices.SortedFunc(maps.Keys(k.known), compare)
	}
	from, found := slices.BinarySearchFunc(k.sorted, after, compare)
	if found {
		from++
	}
	for _, name := range k.sorted[from:] {
		if namespace != "" && name.Namespace != namespace {
			continue
		}
		if len(list) == most {
			return list, true
		}
		list = append(list, k.known[name])
	}
	return list, false
}

func compare(a, b types.NamespacedName) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Follow returns a channel that has something in it whenever a lock may be another, until end is called.
func (k *Keeper) Follow(name types.NamespacedName) (changed <-chan struct{}, end func()) {
	c := make(chan struct{}, 1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watchers[name] == nil {
		k.watchers[name] = map[chan struct{}]bool{}
	}
	k.watchers[name][c] = true
	return c, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.watchers[name], c)
		if len(k.watchers[name]) == 0 {
			delete(k.watchers, name)
		}
	}
}

// wake tells who follows a lock. The mutex is held.
func (k *Keeper) wake(name types.NamespacedName) {
	for c := range k.watchers[name] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

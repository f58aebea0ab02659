package locks

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

const (
	// lookEvery is how often it is looked for holders whose home has died.
	lookEvery = time.Second
	// What happens by itself is written by workers: forWaiting where somebody waits, forNobody where only the record is to be right, so few that
	// they leave the API server to those who ask and wait.
	forWaiting = 16
	forNobody  = 4
	// idleAfter is when a desk that nobody needs is given up, and forgets which requests have ended.
	idleAfter = 10 * time.Minute
)

// Self is this replica among the others.
type Self interface {
	// Term is the name under which it keeps holders, and whether what it acknowledges counts now.
	Term() (name string, valid bool)
	// Home is the replica that a lock is best kept by, and where it is reached; "" where that is this one, or not known.
	Home(types.NamespacedName) (name, address string)
	// Lives says whether a replica is there, and where it is reached.
	Lives(name string) (address string, lives bool)
	// Silent is since when a replica has certainly been silent.
	Silent(name string) (since time.Time, ok bool)
}

// Keeper keeps locks. Its methods are safe for concurrent use.
type Keeper struct {
	// Self is this replica, and Lasts how long a replica's term may go on after its last renewal.
	Self  Self
	Lasts time.Duration
	Now   func() time.Time
	// Patcher takes orders off that were obeyed.
	Patcher  client.Writer
	Recorder events.EventRecorder

	store store
	life  context.Context
	// waited are the locks to be looked at for which somebody waits, and queue the others.
	waited    workqueue.TypedInterface[types.NamespacedName]
	queue     workqueue.TypedInterface[types.NamespacedName]
	conflicts prometheus.Counter
	streams   atomic.Uint64
	awake     awake

	mu    sync.Mutex
	desks map[types.NamespacedName]*desk
	// known are the locks as the watch has brought them.
	known map[types.NamespacedName]*v1alpha1.ManualLock
	// sorted are their names, in order; nil while it is not known.
	sorted []types.NamespacedName
	// buried is until when nothing may be granted of a lock that was deleted while it was held.
	buried map[types.NamespacedName]time.Time
	// obeying are locks of which an order is being obeyed.
	obeying map[types.NamespacedName]bool
	watchers
}

// New returns a keeper that lives as long as life, reads locks from live and writes their statuses by status. Run has it work.
func New(life context.Context, self Self, lasts time.Duration, live client.Reader, status StatusWriter) *Keeper {
	return &Keeper{
		Self: self, Lasts: lasts, Now: time.Now,
		store: store{live: live, status: status}, life: life,
		waited:    workqueue.NewTyped[types.NamespacedName](),
		queue:     workqueue.NewTyped[types.NamespacedName](),
		conflicts: conflicts,
		desks:     map[types.NamespacedName]*desk{},
		known:     map[types.NamespacedName]*v1alpha1.ManualLock{},
		buried:    map[types.NamespacedName]time.Time{},
		obeying:   map[types.NamespacedName]bool{},
		watchers:  watchers{},
	}
}

// Run looks after what happens by itself until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { k.stayAwake(ctx) })
	for range forWaiting {
		all.Go(func() { k.lookAt(k.waited) })
	}
	for range forNobody {
		all.Go(func() { k.lookAt(k.queue) })
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			k.look()
		case <-ctx.Done():
		}
	}
	k.waited.ShutDown()
	k.queue.ShutDown()
	all.Wait()
}

// lookAt looks at the locks of a queue until it is shut down.
func (k *Keeper) lookAt(queue workqueue.TypedInterface[types.NamespacedName]) {
	for {
		name, shutdown := queue.Get()
		if shutdown {
			return
		}
		k.with(name, func(d *desk) bool { return d.post(k.life) })
		queue.Done(name)
	}
}

// happens has a lock looked at.
func (k *Keeper) happens(name types.NamespacedName, waited bool) {
	if waited {
		k.waited.Add(name)
		return
	}
	k.queue.Add(name)
}

// with has something done at a lock's desk, at another one where that is given up meanwhile.
func (k *Keeper) with(name types.NamespacedName, do func(*desk) bool) {
	for !do(k.desk(name)) {
		continue
	}
}

// desk returns the desk of a lock.
func (k *Keeper) desk(name types.NamespacedName) *desk {
	k.mu.Lock()
	defer k.mu.Unlock()
	d, ok := k.desks[name]
	if ok {
		return d
	}
	d = newDesk(k, name)
	k.desks[name] = d
	if o, ok := k.known[name]; ok { // as current as the watch: a write on what is not the newest fails
		d.state.NotBefore = k.buried[name]
		d.object, d.stale = o, false
		d.state.MaxWaiters = maxWaiters(&o.Spec)
		d.state = d.state.Read(recordOf(&o.Status), versionOf(o), k.Now())
	}
	return d
}

// look has locks looked at whose holders' homes have died, and orders that could not be obeyed yet, and gives up desks that nobody needs.
func (k *Keeper) look() {
	self, _ := k.Self.Term()
	now := k.Now()
	k.mu.Lock()
	orphans := map[types.NamespacedName]bool{} // whether somebody waits
	var orders []*v1alpha1.ManualLock
	lives := map[string]bool{self: true}
	for name, o := range k.known {
		if o.Annotations[v1alpha1.ForceReleaseAnnotation] != "" {
			orders = append(orders, o)
		}
		if len(o.Status.Holders) == 0 {
			if len(o.Status.Waiters) > 0 && k.desks[name] == nil { // of a home that has died
				orphans[name] = true
			}
			continue
		}
		home := o.Status.Holders[0].Home
		if _, known := lives[home]; !known {
			_, silent := k.Self.Silent(home)
			lives[home] = !silent
		}
		if !lives[home] {
			orphans[name] = len(o.Status.Waiters) > 0
		}
	}
	var desks []*desk
	for _, d := range k.desks {
		desks = append(desks, d)
	}
	for name, until := range k.buried {
		if now.After(until) {
			delete(k.buried, name)
		}
	}
	k.mu.Unlock()
	for _, o := range orders {
		k.order(o)
	}
	for name, waited := range orphans {
		if home, _ := k.Self.Home(name); home == self {
			k.happens(name, waited)
		}
	}
	for _, d := range desks {
		d.sendAway(now)
		if d.moved() {
			k.waited.Add(d.name)
		}
		if d.retire(now) {
			k.mu.Lock()
			if k.desks[d.name] == d {
				delete(k.desks, d.name)
			}
			k.mu.Unlock()
		}
	}
}

// retire gives a desk up that nobody needs.
func (d *desk) retire(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, due := d.state.Due()
	needed := d.object != nil && now.Sub(d.used) < idleAfter
	if needed || due || d.busy || len(d.events)+len(d.left) > 0 || len(d.seats) > 0 || d.state.Waiting() > 0 {
		return false
	}
	d.retired = true
	d.timer.Stop()
	return true
}

// notBefore is until when nothing may be granted of a lock: who held another object of that name may go on until then.
func (k *Keeper) notBefore(name types.NamespacedName) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.buried[name]
}

// bury remembers until when nothing may be granted of a lock.
func (k *Keeper) bury(name types.NamespacedName, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if until.After(k.buried[name]) {
		k.buried[name] = until
	}
}

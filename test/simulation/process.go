package simulation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/kube-zen/zen-lead/controller/simulated"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// workers of a process. There are fewer pools.
const workers = 4

// process is one life of a replica: a controller, its caches and its queue. A restart makes a new one.
type process struct {
	world *world
	// name is the replica's and says which of its lives this is.
	name    string
	pools   *simulated.Pools
	streams [api.Kinds]*stream
	indexes [api.Kinds]map[string]api.Key
	stop    context.CancelFunc
	queue   priorityqueue.PriorityQueue[reconcile.Request]

	mu     sync.Mutex
	dead   bool
	asleep chan struct{} // closed when it wakes; nil: it is awake
	asked  map[string]int
	// decided counts the decisions about each pool.
	decided map[types.NamespacedName]int
}

// errDead is what a killed process gets to hear. Nothing that it does then is seen by anybody.
var errDead = errors.New("this process was killed")

// start begins a life of a replica.
func start(w *world, replica int, name string) (*process, error) {
	p := &process{world: w, name: name, asked: map[string]int{}, decided: map[types.NamespacedName]int{}}
	pools, err := simulated.New(simulated.Options{
		Client: &cached{process: p}, Live: &live{process: p}, Recorder: told{}, Now: p.clock,
		Preferred:  func(pool types.NamespacedName) bool { return w.prefers(pool.Name, replica) },
		Heartbeats: heartbeats{w},
	}, false)
	if err != nil {
		return nil, fmt.Errorf("controller: %w", err)
	}
	p.pools = pools
	if err := p.watch(); err != nil {
		return nil, err
	}
	p.queue = priorityqueue.New("", func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = pools.RateLimiter })
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	go p.run(ctx)
	return p, nil
}

// watch makes the streams, as the controller's cache and watches say.
func (p *process) watch() error {
	for k := range p.streams {
		kind := api.Kind(k)
		p.streams[k] = &stream{
			process: p, kind: kind, selector: labels.Everything(), objects: map[client.ObjectKey]client.Object{},
			dice: rolled(p.world.seed, p.name, "watch", kind.String()), asking: rolled(p.world.seed, p.name, "list", kind.String()),
		}
		p.indexes[k] = map[string]api.Key{}
	}
	p.streams[api.Policy].handler = &handler.EnqueueRequestForObject{}
	for o, held := range p.pools.Cache.ByObject {
		k, err := api.KindOf(o)
		if err != nil {
			return fmt.Errorf("cache: %w", err)
		}
		if held.Label != nil {
			p.streams[k].selector = held.Label
		}
		p.world.transform(k, held.Transform)
	}
	for _, w := range p.pools.Watches {
		k, err := api.KindOf(w.Object)
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		p.streams[k].handler, p.streams[k].passes = w.Handler, w.Predicates
	}
	for _, i := range p.pools.Indexes {
		k, err := api.KindOf(i.Object)
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		p.indexes[k][i.Name] = api.Key(i.Key)
	}
	return nil
}

// run fills the caches and then decides, until the process is killed.
func (p *process) run(ctx context.Context) {
	var filled sync.WaitGroup
	for _, s := range p.streams {
		filled.Go(func() { s.list(s.first) })
	}
	filled.Wait()
	go p.pools.Beat(ctx) //nolint:errcheck // it only ends
	for range workers {
		go p.work()
	}
}

// clock stands still for who is asleep: nothing of him runs.
func (p *process) clock() time.Time {
	_ = p.awake() // what the dead do is seen by nobody
	return time.Now()
}

func (p *process) work() {
	for {
		r, priority, over := p.queue.GetWithPriority()
		if over || p.awake() != nil {
			return
		}
		p.decide(r, priority)
		p.queue.Done(r)
	}
}

// decide does with the outcome of a decision what controller-runtime does.
func (p *process) decide(r reconcile.Request, priority int) {
	p.world.count(Reconciles)
	p.mu.Lock()
	p.decided[r.NamespacedName]++
	n := p.decided[r.NamespacedName]
	p.mu.Unlock()
	ctx := context.WithValue(context.Background(), deciding{}, rolled(p.world.seed, p.name, "decide", r.Name, strconv.Itoa(n)))
	result, err := p.pools.Reconcile(log.IntoContext(ctx, logr.Discard()), r)
	switch {
	case errors.Is(err, errDead):
	case err != nil:
		p.world.tracef("%s: %s: %v", p.name, r.Name, err)
		p.queue.AddWithOpts(priorityqueue.AddOpts{RateLimited: true, Priority: &priority}, r)
	case result.RequeueAfter > 0:
		p.queue.Forget(r)
		p.queue.AddWithOpts(priorityqueue.AddOpts{After: result.RequeueAfter, Priority: &priority}, r)
	default:
		p.queue.Forget(r)
	}
}

// awake returns when the process runs, with an error if it never will.
func (p *process) awake() error {
	for {
		p.mu.Lock()
		dead, asleep := p.dead, p.asleep
		p.mu.Unlock()
		switch {
		case dead:
			return errDead
		case asleep == nil:
			return nil
		}
		<-asleep
	}
}

func (p *process) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead || p.asleep != nil
}

// freeze stops the process. What it has sent arrives.
func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead && p.asleep == nil {
		p.asleep = make(chan struct{})
		p.world.count(Pauses)
	}
}

func (p *process) resume() {
	p.mu.Lock()
	asleep := p.asleep
	p.asleep = nil
	p.mu.Unlock()
	if asleep != nil {
		close(asleep)
		for _, s := range p.streams {
			s.wake()
		}
	}
}

// kill ends the process. What it has sent arrives.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	asleep := p.asleep
	p.asleep = nil
	p.mu.Unlock()
	p.queue.ShutDown()
	p.stop()
	if asleep != nil {
		close(asleep)
	}
}

// ordinal counts how often something was asked for.
func (p *process) ordinal(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[what]++
	return p.asked[what]
}

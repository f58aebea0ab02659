package simulation

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// namespace of everything.
const namespace = "ns"

// hand makes the writes that people should not make: the history marks them as injected.
const hand api.User = "hand"

// world is one schedule.
type world struct {
	seed uint64
	// pools and replicas are how many there are.
	pools, replicas int
	// restored: the cluster was lost and restored with a smaller version.
	restored bool
	// raised: somebody wrote a term above the version on a pod. The next record of its pool may begin there, and if that is
	// deleted before anything else bears its term, the one after it begins there again.
	raised bool
	dice   *dice
	server *api.Server
	// programs: pools may observe programs that elect themselves.
	programs bool
	// zenlead and people are accounts.
	zenlead, people, scribbler, program client.Client
	figures                             *Figures
	trace                               func(string)
	transforms                          [api.Kinds]toolscache.TransformFunc

	mu        sync.Mutex
	now       weather
	condition condition
	thawed    chan struct{} // closed when the server thaws
	crashed   int
	processes []*process
	// writer sent the request that the server serves now.
	writer *process
	lives  int
	events []history.Event
	failed error
	// begun: what is written from now on is part of the history; what was there before is its start.
	begun     bool
	lastWrite time.Time
	forms     map[client.Object]client.Object
	addresses int
	// silent are the nodes that do not renew their Leases.
	silent map[string]bool
}

// condition of the API server.
type condition int

const (
	up condition = iota
	// down refuses connections; hung takes requests and does nothing until it thaws.
	down
	hung
)

func newWorld(seed uint64, figures *Figures) *world {
	w := &world{
		seed: seed, dice: rolled(seed, "world"), server: api.NewServer(int64(1000 + seed%1000)), figures: figures,
		forms: map[client.Object]client.Object{}, silent: map[string]bool{},
	}
	w.now = drawWeather(w.dice)
	w.server.Unguarded = w.dice.in(0.5)
	w.restored = w.dice.in(0.1)
	gaps := rolled(seed, "gaps")
	w.server.Gap = func() int64 { return int64(gaps.intN(3)) }
	w.server.Written = w.written
	w.zenlead, w.people, w.scribbler = w.server.Client(api.Controller), w.server.Client(api.Administrator), w.server.Client(hand)
	w.program, w.programs = w.server.Client(program), rolled(seed, "programs").in(0.4)
	return w
}

func (w *world) count(what Figure) { w.figures.count(what, 1) }

func (w *world) tracef(format string, a ...any) {
	if w.trace != nil {
		w.trace(time.Now().Format("04:05.000000000 ") + fmt.Sprintf(format, a...))
	}
}

func (w *world) weather() weather {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// written is told every write, while the server is locked.
func (w *world) written(e api.Event) {
	w.count(Writes)
	w.countAnswer(e)
	w.untouched(e)
	w.record(e)
	w.mu.Lock()
	w.lastWrite = e.At
	processes := w.processes
	w.mu.Unlock()
	for _, p := range processes {
		if p != nil {
			p.streams[e.Kind].see(e)
		}
	}
	w.cluster(e)
}

var typeOf = map[api.Type]history.Type{api.Added: history.Added, api.Modified: history.Modified, api.Deleted: history.Deleted}

func (w *world) record(e api.Event) {
	if e.Kind == api.Service || e.Kind == api.Node {
		return // the contract says nothing of them
	}
	h, err := record.Convert(e.Object)
	h.Type, h.Received, h.Injected = typeOf[e.Type], e.At, e.By == hand
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.begun {
		h.Type = history.Existing
		w.events = slices.DeleteFunc(w.events, func(o history.Event) bool { return o.UID == h.UID }) // only what is there at the start
	}
	if err != nil && w.failed == nil {
		w.failed = fmt.Errorf("history: %w", err)
	}
	w.events = append(w.events, h)
	if w.trace != nil {
		w.trace(fmt.Sprintf("%s    %s %s %s by %s: %+v", e.At.Format("04:05.000000000"), h.Type, h.Kind, h.Name, e.By, h))
	}
}

func (w *world) transform(k api.Kind, f toolscache.TransformFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.transforms[k] = f
}

// stripped returns an object in the form in which caches hold it.
func (w *world) stripped(k api.Kind, o client.Object) client.Object {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.transforms[k] == nil {
		return o
	}
	if f := w.forms[o]; f != nil {
		return f
	}
	f, err := w.transforms[k](o)
	if err != nil && w.failed == nil {
		w.failed = fmt.Errorf("transform of %s: %w", o.GetName(), err)
	}
	w.forms[o] = f.(client.Object)
	return w.forms[o]
}

// launch starts a process of replica i.
func (w *world) launch(i int) {
	w.mu.Lock()
	w.lives++
	name := "replica-" + strconv.Itoa(i) + "/" + strconv.Itoa(w.lives)
	w.mu.Unlock()
	p, err := start(w, i, name)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed = err
		return
	}
	next := make([]*process, max(len(w.processes), i+1)) // written reads the old list
	copy(next, w.processes)
	next[i] = p
	w.processes = next
}

func (w *world) writes(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writer = p
}

// prefers says whether a replica takes itself for the one that a pool prefers.
func (w *world) prefers(pool string, replica int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.now.preference {
	case everyone:
		return true
	case nobody:
		return false
	default: // each replica's view of the others changes now and then
		d := rolled(w.seed, "prefers", pool, strconv.Itoa(w.lives))
		return d.intN(w.replicas) == replica
	}
}

func (w *world) state() condition {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.condition
}

func (w *world) reachable() bool { return w.state() == up }

func (w *world) crashes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.crashed
}

// thaw waits until the server does not hang, and says whether it did.
func (w *world) thaw() bool {
	w.mu.Lock()
	thawed := w.thawed
	w.mu.Unlock()
	if thawed != nil {
		<-thawed
	}
	return thawed != nil
}

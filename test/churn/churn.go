package churn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options of a load.
type Options struct {
	// Namespace is created where it does not exist.
	Namespace string
	// Pools is the number of policies, named pool-0 and so on. Default 3.
	Pools int
	// PodsPerPool is the number of pods that begin in each pool, named <pool>-0 and so on. Default 4.
	PodsPerPool int
	// Seed of all that is random.
	Seed uint64
	// Duration of the load after all pods are there; 0: until ctx ends.
	Duration time.Duration
	// Rate is the number of actions per second of all workers together, at most: a slow API server slows them. Default 40.
	Rate float64
	// Workers act side by side, each on pods of its own and on any pool. Default 4.
	Workers int
	// Weights say how often each action is drawn; nil: [DefaultWeights]. What puts something back ([MarkReady] and the
	// like) is not drawn but follows.
	Weights map[Action]int
}

// Counts are what a load did.
type Counts struct {
	// Done counts the actions that the API server confirmed.
	Done map[Action]int
	// Refused counts the requests that it refused or did not answer, by the reason of the error: NotFound and Conflict
	// are part of the game, "no answer" of faults; others deserve a look.
	Refused map[string]int
}

// Total is the number of confirmed actions.
func (c Counts) Total() int {
	n := 0
	for _, k := range c.Done {
		n += k
	}
	return n
}

func (c Counts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d actions:", c.Total())
	for _, a := range slices.Sorted(maps.Keys(c.Done)) {
		fmt.Fprintf(&b, " %s %d", a, c.Done[a])
	}
	if len(c.Refused) > 0 {
		b.WriteString("; refused:")
		for _, r := range slices.Sorted(maps.Keys(c.Refused)) {
			fmt.Fprintf(&b, " %s %d", r, c.Refused[r])
		}
	}
	return b.String()
}

// Run is the load. It needs the rights of an administrator (group system:masters), as it deletes held Leases. It returns when
// Options.Duration is over or ctx has ended, neither of which is an error; an error means that it could not begin or could
// not put the policies back.
func Run(ctx context.Context, config *rest.Config, o Options) (Counts, error) {
	o = o.withDefaults()
	l, err := newLoad(config, o)
	if err != nil {
		return Counts{}, err
	}
	if err := l.setUp(ctx); err != nil {
		return l.counts, fmt.Errorf("setting up the load: %w", err)
	}
	run, cancel := context.WithCancel(ctx)
	if o.Duration > 0 {
		run, cancel = context.WithTimeout(ctx, o.Duration)
	}
	defer cancel()
	var workers sync.WaitGroup
	for i := range o.Workers {
		w := &worker{load: l, rand: rand.New(rand.NewPCG(o.Seed, uint64(i)))}
		for n, s := range l.slots {
			if n%o.Workers == i {
				w.slots = append(w.slots, s)
			}
		}
		workers.Go(func() { w.run(run) })
	}
	workers.Wait()

	after, cancelAfter := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancelAfter()
	if err := l.putPoliciesBack(after); err != nil {
		return l.counts, fmt.Errorf("putting the policies back: %w", err)
	}
	return l.counts, nil
}

func (o Options) withDefaults() Options {
	if o.Pools == 0 {
		o.Pools = 3
	}
	if o.PodsPerPool == 0 {
		o.PodsPerPool = 4
	}
	if o.Rate == 0 {
		o.Rate = 40
	}
	if o.Workers == 0 {
		o.Workers = 4
	}
	if o.Weights == nil {
		o.Weights = DefaultWeights()
	}
	o.Workers = min(o.Workers, o.Pools*o.PodsPerPool) // a worker without pods has nothing to do
	return o
}

// load is what all workers share.
type load struct {
	Options
	// total is the sum of the weights.
	total    int
	client   kubernetes.Interface
	policies dynamic.ResourceInterface
	slots    []*slot

	mu     sync.Mutex
	counts Counts
	// missing are the pools whose policy was deleted.
	missing map[string]bool
	// serial numbers pods' addresses and edits by hand.
	serial int
}

func newLoad(config *rest.Config, o Options) (*load, error) {
	if o.Namespace == "" {
		return nil, errors.New("churn: no namespace given")
	}
	total := 0
	for a, n := range o.Weights {
		if _, drawn := DefaultWeights()[a]; !drawn || n < 0 {
			return nil, fmt.Errorf("churn: weight %d of action %q: it is not drawn", n, a)
		}
		total += n
	}
	if total <= 0 {
		return nil, fmt.Errorf("churn: weights %v draw nothing", o.Weights)
	}
	config = rest.CopyConfig(config)
	config.QPS = -1 // the rate is ours to keep
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second // a frozen API server must not end the load
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	l := &load{
		Options: o, total: total, client: client, policies: dyn.Resource(policyResource).Namespace(o.Namespace),
		counts:  Counts{Done: map[Action]int{}, Refused: map[string]int{}},
		missing: map[string]bool{},
	}
	for p := range o.Pools {
		for n := range o.PodsPerPool {
			l.slots = append(l.slots, &slot{name: fmt.Sprintf("%s-%d", poolName(p), n), pool: poolName(p), joined: true})
		}
	}
	return l, nil
}

// did counts one action and says whether it succeeded.
func (l *load) did(a Action, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.counts.Done[a]++
		return true
	}
	reason := string(apierrors.ReasonForError(err))
	if reason == "" {
		reason = "no answer"
	}
	l.counts.Refused[reason]++
	return false
}

func (l *load) isMissing(pool string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing[pool]
}

func (l *load) next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serial++
	return l.serial
}

func poolName(n int) string { return fmt.Sprintf("pool-%d", n) }

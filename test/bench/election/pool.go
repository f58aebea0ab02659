package election

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/kube-zen/zen-lead/test/bench"
	"github.com/kube-zen/zen-lead/test/election"
)

// membersPerPool is a leader and two standbys.
const membersPerPool = 3

// pool are the members of one Lease. It is for one goroutine.
type pool struct {
	program
	rig  *rig
	name string
	args []string
	// container is the name of the container in which each member is the first process, "" if they are in none.
	container string
	group     *election.Group
	count     int // of members that were ever started
}

func (r *rig) pool(p program, i int, args ...string) *pool {
	return &pool{program: p, rig: r, name: p.pool(i), args: p.args(args...), group: election.NewGroup()}
}

// open starts the members and waits until one of them works.
func (p *pool) open(ctx context.Context) error {
	if err := p.rig.addPool(ctx, p.program, p.name); err != nil {
		return err
	}
	for range membersPerPool {
		if err := p.add(ctx); err != nil {
			return errors.Join(err, p.group.Kill())
		}
	}
	if _, err := p.leader(ctx); err != nil {
		return errors.Join(err, p.group.Kill())
	}
	return nil
}

// add starts another member.
func (p *pool) add(ctx context.Context) error {
	p.count++
	_, err := p.start(ctx, election.Options{
		Identity: fmt.Sprintf("%s-%d", p.name, p.count), UID: string(uuid.NewUUID()), Container: p.container,
	})
	return err
}

// start starts a member of this identity.
func (p *pool) start(ctx context.Context, o election.Options) (*election.Member, error) {
	o.Elector, o.Kubeconfig, o.Namespace, o.Pool, o.Args = p.elector, p.rig.kubeconfigs[p.namespace()], p.namespace(), p.name, p.args
	return p.group.Start(ctx, o)
}

// leader returns who works, and waits for somebody.
func (p *pool) leader(ctx context.Context) (*election.Member, error) {
	ctx, cancel := bound(ctx, p.patience(), "nobody leads "+p.name)
	defer cancel()
	return p.group.Leader(ctx)
}

// successor waits for the first work of a member other than old.
func (p *pool) successor(ctx context.Context, old *election.Member) (election.Sighting, error) {
	ctx, cancel := bound(ctx, p.patience(), "nobody succeeds "+old.Identity)
	defer cancel()
	return p.group.Await(ctx, func(s election.Sighting) bool { return s.Name == "began" && s.Of != old })
}

// patience is more than an election takes.
func (p *pool) patience() time.Duration { return 4*p.durations.Lease + 30*time.Second }

// killLeader kills the leader without a word, and says when.
func (p *pool) killLeader(ctx context.Context) (dead *election.Member, at time.Duration, err error) {
	if dead, err = p.leader(ctx); err != nil {
		return nil, 0, err
	}
	at = election.Now()
	return dead, at, dead.Kill()
}

// crash kills the leader without a word and returns how long nobody worked; a new member takes the place of the dead.
func (p *pool) crash(ctx context.Context) (time.Duration, error) {
	dead, killed, err := p.killLeader(ctx)
	if err != nil {
		return 0, err
	}
	s, err := p.successor(ctx, dead)
	if err != nil {
		return 0, err
	}
	return s.At - killed, p.add(ctx)
}

// restart kills the leader without a word and starts it again at once, as the kubelet starts a container of the same pod, and
// returns how long nobody worked.
func (p *pool) restart(ctx context.Context) (time.Duration, error) {
	dead, killed, err := p.killLeader(ctx)
	if err != nil {
		return 0, err
	}
	again, err := p.start(ctx, dead.Options)
	if err != nil {
		return 0, err
	}
	s, err := p.successor(ctx, dead)
	if err == nil && s.Of != again {
		err = fmt.Errorf("%s took over from %s, which had started again", s.Of.Identity, dead.Identity)
	}
	return s.At - killed, err
}

// fleet are many pools side by side.
type fleet struct {
	mu    sync.Mutex
	pools []*pool
}

// starters start members side by side: a process costs the machine most when it starts.
const starters = 4

// startFleet starts n pools of each of some programs. Its members are ended by kill, also where it fails.
func (r *rig) startFleet(ctx context.Context, counts map[program]int, args ...string) (*fleet, error) {
	f, total := &fleet{}, 0
	for _, n := range counts {
		total += n
	}
	told := bench.NewProgress(r.progress, fmt.Sprintf("starting pools of %d processes", membersPerPool), total)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(starters)
	for p, n := range counts {
		for i := range n {
			group.Go(func() error {
				l := r.pool(p, i, args...)
				if err := l.open(ctx); err != nil {
					return err
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				f.pools = append(f.pools, l)
				told.Step(len(f.pools))
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, f.kill())
	}
	return f, nil
}

// of returns the pools of a program.
func (f *fleet) of(p program) (found []*pool) {
	for _, l := range f.pools {
		if l.program == p {
			found = append(found, l)
		}
	}
	return found
}

// kill ends every process.
func (f *fleet) kill() (err error) {
	for _, l := range f.pools {
		err = errors.Join(err, l.group.Kill())
	}
	return err
}

package locks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/locker"
	"github.com/kube-zen/zen-lead/test/proxy"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// account is whom lockers act as.
const account = "worker"

// stand is a namespace with locks, replicas that serve them, lockers, and a register that they increment.
type stand struct {
	*scene.Scene
	*locker.Log
	register *register
	records  *records
	seats    []*seat
	token    string

	mu      sync.Mutex
	lockers []*locker.Process
	wired   []*wire
	names   int
	// deleted are the deletions of locks, by name.
	deleted map[string][]operation
	// forgets: it may be that no replica remembers who held a lock that was deleted, as they come to harm themselves.
	forgets bool
}

// seat is a replica, behind a proxy to the API server.
type seat struct {
	*zenlead.Controller
	proxy *proxy.Proxy
	// name is that of its Lease: the home of what it keeps.
	name string
	asks *caller.Caller
}

// newStand starts replicas and waits until they know one another. When the spec ends everything is ended, and the contracts are checked.
func newStand(ctx context.Context, replicas int) *stand {
	GinkgoHelper()
	t := &stand{Scene: scene.New(ctx, c), Log: locker.NewLog(), register: newRegister(), deleted: map[string][]operation{}}
	caller.Account(ctx, t.Scene, account, "acquire", "get", "list", "watch")
	t.token = caller.Token(ctx, t.Scene, account, caller.Audience)
	t.records = record(ctx, t.Namespace)
	for range replicas {
		t.seat(ctx)
	}
	DeferCleanup(func(ctx context.Context) {
		t.killLockers()
		if CurrentSpecReport().Failed() {
			t.tell()
		}
		t.records.upToDate(ctx)
		t.check()
	}, NodeTimeout(15*time.Minute))
	t.acquainted(ctx)
	return t
}

// seat starts one more replica.
func (t *stand) seat(ctx context.Context, set ...func(*zenlead.Options)) *seat {
	GinkgoHelper()
	kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(c.KubeconfigFor(ctx, zenlead.Namespace, zenlead.Account, kubeconfig)).To(Succeed())
	p, err := proxy.Start(kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(p.Close)
	o := zenlead.Options{Kubeconfig: p.Kubeconfig, API: true}
	for _, f := range set {
		f(&o)
	}
	r, err := zenlead.Start(ctx, c, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		Expect(r.Kill()).To(Succeed())
		Expect(r.Lines("panic")).To(BeEmpty())
	})
	s := &seat{Controller: r, proxy: p}
	s.name, err = r.Lease()
	Expect(err).NotTo(HaveOccurred())
	s.asks, err = caller.New(r.API, t.token)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(s.asks.Close)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seats = append(t.seats, s)
	return s
}

// lock makes a lock whose ttl is at most so long, and returns its name.
func (t *stand) lock(ctx context.Context, ttl int32, set ...func(*v1alpha1.ManualLockSpec)) string {
	GinkgoHelper()
	t.mu.Lock()
	t.names++
	name := fmt.Sprintf("lock-%d", t.names)
	t.mu.Unlock()
	t.make(ctx, name, ttl, set...)
	return name
}

func (t *stand) make(ctx context.Context, name string, ttl int32, set ...func(*v1alpha1.ManualLockSpec)) {
	GinkgoHelper()
	Expect(t.makes(ctx, name, ttl, set...)).To(Succeed())
}

func (t *stand) makes(ctx context.Context, name string, ttl int32, set ...func(*v1alpha1.ManualLockSpec)) error {
	o := &v1alpha1.ManualLock{ObjectMeta: t.Meta(name), Spec: v1alpha1.ManualLockSpec{TTLSeconds: &v1alpha1.TTLBounds{Max: &ttl}}}
	for _, f := range set {
		f(&o.Spec)
	}
	return t.Create(ctx, o)
}

// remove deletes a lock as an administrator: nobody else may while it is held.
func (t *stand) remove(ctx context.Context, name string) error {
	op := operation{do: deletes, call: election.Now()}
	err := t.Delete(ctx, &v1alpha1.ManualLock{ObjectMeta: t.Meta(name)})
	if op.returned = election.Now(); err != nil {
		op.returned = never
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deleted[name] = append(t.deleted[name], op)
	return err
}

// lockAt makes a lock whose home is a replica.
func (t *stand) lockAt(ctx context.Context, home *seat, ttl int32, set ...func(*v1alpha1.ManualLockSpec)) (name string) {
	GinkgoHelper()
	Eventually(ctx, func() string {
		name = t.lock(ctx, ttl, set...)
		return t.tries(ctx, home, name)
	}).WithTimeout(time.Minute).Should(Equal(home.name))
	return name
}

// tries takes a lock that is free and gives it back, and returns who keeps it.
func (t *stand) tries(ctx context.Context, at *seat, name string) (home string) {
	GinkgoHelper()
	g, err := t.takes(ctx, at, name, "try")
	if err != nil {
		return err.Error()
	}
	_, err = at.asks.Release(at.asks.Bearing(ctx), &zenleadv1.ReleaseRequest{
		Lock: name, Namespace: t.Namespace, Holding: &zenleadv1.Holding{RequestId: "try", Token: g.GetToken()},
	})
	Expect(err).NotTo(HaveOccurred())
	return g.GetHome()
}

// takes takes a lock at a replica for this process.
func (t *stand) takes(ctx context.Context, at *seat, name, id string) (*zenleadv1.Granted, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	stream, err := at.asks.Acquire(at.asks.Bearing(ctx), &zenleadv1.AcquireRequest{
		Lock: name, Namespace: t.Namespace, Acquisition: &zenleadv1.Acquisition{RequestId: id, Owner: "test"},
	})
	for err == nil {
		var m *zenleadv1.AcquireResponse
		if m, err = stream.Recv(); err == nil && m.GetGranted() != nil {
			return m.GetGranted(), nil
		}
	}
	return nil, err
}

// acquainted waits until every replica is home to some lock, whoever is asked.
func (t *stand) acquainted(ctx context.Context) {
	GinkgoHelper()
	for _, at := range t.seats {
		for _, home := range t.seats {
			Eventually(ctx, func() string { return t.tries(ctx, at, t.lock(ctx, 3)) }).WithTimeout(time.Minute).Should(Equal(home.name))
		}
	}
}

// locker starts a locker that asks the replicas in this order, each by a wire of its own.
func (t *stand) locker(name string, at []*seat, set ...func(*locker.Options)) (*locker.Process, []*wire) {
	GinkgoHelper()
	o := locker.Options{Name: name, Token: t.token, Namespace: t.Namespace, Register: t.register.URL, Pause: 20 * time.Millisecond, Stderr: GinkgoWriter}
	var wires []*wire
	for _, s := range at {
		authority, err := os.ReadFile(s.API.CA)
		Expect(err).NotTo(HaveOccurred())
		o.Authority = append(o.Authority, authority...)
		w := newWire(s.API.GRPC)
		wires = append(wires, w)
		o.Replicas = append(o.Replicas, w.address)
	}
	for _, f := range set {
		f(&o)
	}
	p, err := locker.Start(o, t.Log)
	Expect(err).NotTo(HaveOccurred())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lockers, t.wired = append(t.lockers, p), append(t.wired, wires...)
	return p, wires
}

// on has a locker take one lock.
func on(lock string) func(*locker.Options) {
	return func(o *locker.Options) { o.Locks = []string{lock} }
}

// once has a locker take a lock once.
func once(o *locker.Options) { o.Cycles = 1 }

func (t *stand) killLockers() {
	GinkgoHelper()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.lockers {
		Expect(p.Kill()).To(Succeed())
	}
}

// awaits returns the first event of a name later than after, of a locker or of any.
func (t *stand) awaits(ctx context.Context, p *locker.Process, name string, after time.Duration) locker.Entry {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	e, err := t.Await(ctx, p, name, after)
	Expect(err).NotTo(HaveOccurred())
	return e
}

// wrote waits until a locker has incremented the register n times after that.
func (t *stand) wrote(ctx context.Context, p *locker.Process, n int, after time.Duration) time.Duration {
	GinkgoHelper()
	for range n {
		after = t.awaits(ctx, p, locker.Wrote, after).At
	}
	return after
}

// renews waits until a renewal that is sent from now on has been answered with OK, and returns when it was sent.
func (t *stand) renews(ctx context.Context, p *locker.Process) (sent time.Duration) {
	GinkgoHelper()
	for sent = election.Now(); ; {
		sent = t.awaits(ctx, p, locker.Renews, sent).At
		if e := t.awaits(ctx, p, locker.Renewed, sent); e.Outcome == locker.OK {
			return sent
		}
	}
}

// status is what the API server has of a lock.
func (t *stand) status(ctx context.Context, lock string) v1alpha1.ManualLockStatus {
	GinkgoHelper()
	var o v1alpha1.ManualLock
	Expect(t.Get(ctx, client.ObjectKey{Namespace: t.Namespace, Name: lock}, &o)).To(Succeed())
	return o.Status
}

// holder is who holds a lock by the record, "" if nobody.
func (t *stand) holder(ctx context.Context, lock string) string {
	GinkgoHelper()
	if all := t.status(ctx, lock).Holders; len(all) > 0 {
		return all[0].RequestID
	}
	return ""
}

// history is what the lockers did so far.
func (t *stand) history() history { return requests(t.Entries()) }

// check checks the contracts, for each lock.
func (t *stand) check() {
	GinkgoHelper()
	Expect(t.records.lacks()).NotTo(HaveOccurred())
	byLock := t.history().byLock()
	var mu sync.Mutex
	var wrong []error
	var all errgroup.Group
	all.SetLimit(2)
	for _, lock := range t.records.locks() {
		all.Go(func() error {
			err := t.checkLock(lock, byLock[lock])
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, err)
			return nil
		})
	}
	_ = all.Wait() // none returns an error
	Expect(errors.Join(wrong...)).To(Succeed())
}

func (t *stand) checkLock(lock string, h history) error {
	versions := t.records.of(lock)
	if t.forgets {
		h.endWith(t.deleted[lock])
	}
	forgotten, err := endsOnce(lock, h, versions)
	if forgotten > 0 {
		AddReportEntry(lock, fmt.Sprintf("%d had it again that the record had forgotten", forgotten))
	}
	err = errors.Join(
		err,
		tokensGrow(lock, versions),
		whatIsToldIsWritten(lock, h, versions),
		nothingLost(lock, h, t.register.has(lock)),
		whoLeftGetsNothing(lock, h, versions),
		inOrder(lock, h),
		neverTwo(lock, h, versions),
		linearizable(lock, h, versions, t.deleted[lock]),
	)
	if err != nil {
		err = errors.Join(err, t.keep(lock, versions))
	}
	return err
}

// keep writes down what is known of a lock whose contract was broken, and says where.
func (t *stand) keep(lock string, versions []version) error {
	f, err := os.CreateTemp("", "zen-lead-faults-"+lock+"-*.txt")
	if err != nil {
		return err
	}
	for _, v := range versions {
		_, _ = fmt.Fprintf(f, "%v record %d deleted=%t %+v\n", v.at, v.revision, v.deleted, v.holder())
	}
	for _, e := range t.Entries() {
		if e.Lock == lock && !slices.Contains([]string{locker.Reads, locker.Read, locker.Writes, locker.Wrote}, e.Name) {
			_, _ = fmt.Fprintf(f, "%v %s %+v\n", e.At, e.Process.Name, e.Event)
		}
	}
	return errors.Join(fmt.Errorf("all that happened to it: %s", f.Name()), f.Close())
}

// leaves gives up a request, whatever has become of it, at a replica.
func (t *stand) leaves(ctx context.Context, at *seat, lock, request string) error {
	_, err := at.asks.Release(at.asks.Bearing(ctx), &zenleadv1.ReleaseRequest{
		Lock: lock, Namespace: t.Namespace, Holding: &zenleadv1.Holding{RequestId: request},
	})
	return err
}

// told is how many events are told of at most, the last.
const told = 500

// tell says what befell the lockers, but for their increments.
func (t *stand) tell() {
	all := slices.DeleteFunc(t.Entries(), func(e locker.Entry) bool {
		return slices.Contains([]string{locker.Reads, locker.Read, locker.Writes, locker.Wrote}, e.Name)
	})
	for _, e := range all[max(0, len(all)-told):] {
		GinkgoWriter.Printf("%v %s %+v\n", e.At, e.Process.Name, e.Event)
	}
}

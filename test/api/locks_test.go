package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"google.golang.org/protobuf/types/known/durationpb"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/zenlead"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// locker is a caller that takes locks of a scene.
type locker struct {
	*caller.Caller
	s *scene.Scene
}

func lockerAt(r *zenlead.Controller, ctx context.Context, s *scene.Scene, account string) locker { //nolint:revive // as its kin
	GinkgoHelper()
	return locker{askerAt(r, caller.Token(ctx, s, account, caller.Audience)), s}
}

// makeLock makes a lock of the scene, with a spec.
func makeLock(ctx context.Context, s *scene.Scene, name string, spec v1alpha1.ManualLockSpec) {
	GinkgoHelper()
	Expect(s.Create(ctx, &v1alpha1.ManualLock{ObjectMeta: s.Meta(name), Spec: spec})).To(Succeed())
}

// wait is how long to wait for a lock; none: as long as it takes.
func (l locker) ask(ctx context.Context, lock, id string, wait ...time.Duration) (grpcStream, error) {
	a := &zenleadv1.Acquisition{RequestId: id, Owner: id}
	if len(wait) > 0 {
		a.Wait = durationpb.New(wait[0])
	}
	return l.Acquire(l.Bearing(ctx), &zenleadv1.AcquireRequest{Lock: lock, Namespace: l.s.Namespace, Acquisition: a})
}

type grpcStream interface {
	Recv() (*zenleadv1.AcquireResponse, error)
}

// granted waits for the grant on a stream.
func granted(stream grpcStream, err error) (*zenleadv1.Granted, error) {
	for err == nil {
		var m *zenleadv1.AcquireResponse
		if m, err = stream.Recv(); err == nil && m.GetGranted() != nil {
			return m.GetGranted(), nil
		}
	}
	return nil, err
}

// place waits for the next place in the queue.
func place(stream grpcStream) *zenleadv1.Waiting {
	GinkgoHelper()
	m, err := stream.Recv()
	Expect(err).NotTo(HaveOccurred())
	Expect(m.GetWaiting()).NotTo(BeNil())
	return m.GetWaiting()
}

func (l locker) release(ctx context.Context, lock, id string, token int64) error {
	_, err := l.Release(l.Bearing(ctx), &zenleadv1.ReleaseRequest{Lock: lock, Namespace: l.s.Namespace, Holding: &zenleadv1.Holding{RequestId: id, Token: token}})
	return err
}

func (l locker) renew(ctx context.Context, lock string, h *zenleadv1.Holding) (string, error) {
	r, err := l.RenewLock(l.Bearing(ctx), &zenleadv1.RenewLockRequest{Lock: lock, Namespace: l.s.Namespace, Holding: h})
	return r.GetHome(), err
}

func (l locker) status(ctx context.Context, lock string) v1alpha1.ManualLockStatus {
	GinkgoHelper()
	var o v1alpha1.ManualLock
	Expect(l.s.Get(ctx, client.ObjectKey{Namespace: l.s.Namespace, Name: lock}, &o)).To(Succeed())
	return o.Status
}

var _ = Describe("A lock", func() {
	var (
		s *scene.Scene
		l locker
	)
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		caller.Account(ctx, s, "worker", "acquire", "get", "list", "watch")
		l = lockerAt(controller, ctx, s, "worker")
		makeLock(ctx, s, "report", v1alpha1.ManualLockSpec{})
	})

	It("is held by one, who releases it to the next in one write", func(ctx context.Context) {
		first, err := granted(l.ask(ctx, "report", "a"))
		Expect(err).NotTo(HaveOccurred())
		Expect(first.GetTtlSeconds()).To(BeEquivalentTo(15))
		stream, err := l.ask(ctx, "report", "b")
		Expect(err).NotTo(HaveOccurred())
		Expect(place(stream).GetPlace()).To(BeEquivalentTo(1))
		before := l.status(ctx, "report")
		Expect(before.Holders).To(HaveLen(1))
		Expect(before.Holders[0].Token).To(Equal(first.GetToken()))

		Expect(l.release(ctx, "report", "a", first.GetToken())).To(Succeed())
		second, err := granted(stream, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(second.GetToken()).To(BeNumerically(">", first.GetToken()))
		after := l.status(ctx, "report")
		Expect(after.Holders[0].Owner).To(Equal("b"))
		Expect(after.LastTransition.Reason).To(Equal("Released"))
		_, err = stream.Recv()
		Expect(err).To(MatchError(io.EOF))
		Expect(l.release(ctx, "report", "a", first.GetToken())).To(Succeed(), "it may be repeated")
		Expect(caller.Outcome(l.release(ctx, "report", "x", first.GetToken()))).To(Equal("Lost"))
		Expect(l.release(ctx, "report", "b", second.GetToken())).To(Succeed())
		Expect(l.status(ctx, "report").Holders).To(BeEmpty())
	}, limit)

	It("is not waited for by who tries, or not longer than asked", func(ctx context.Context) {
		held, err := granted(l.ask(ctx, "report", "a", 0))
		Expect(err).NotTo(HaveOccurred())
		_, err = granted(l.ask(ctx, "report", "b", 0))
		Expect(caller.Outcome(err)).To(Equal("Held"))
		began := time.Now()
		_, err = granted(l.ask(ctx, "report", "b", 300*time.Millisecond))
		Expect(caller.Outcome(err)).To(Equal("Held"))
		Expect(time.Since(began)).To(BeNumerically("~", 300*time.Millisecond, 200*time.Millisecond))
		again, err := granted(l.ask(ctx, "report", "a"))
		Expect(err).NotTo(HaveOccurred())
		Expect(again.GetToken()).To(Equal(held.GetToken()), "the same request gets the same token")
		Expect(l.release(ctx, "report", "a", 0)).To(Succeed())
		_, err = granted(l.ask(ctx, "report", "a"))
		Expect(caller.Outcome(err)).To(Equal("Finished"))
	}, limit)

	It("is kept without a write, and passes by itself when its holder is not heard of", func(ctx context.Context) {
		makeLock(ctx, s, "short", v1alpha1.ManualLockSpec{TTLSeconds: &v1alpha1.TTLBounds{Max: new(int32(2))}})
		held, err := granted(l.ask(ctx, "short", "a"))
		Expect(err).NotTo(HaveOccurred())
		Expect(held.GetTtlSeconds()).To(BeEquivalentTo(2))
		stream, err := l.ask(ctx, "short", "b")
		Expect(err).NotTo(HaveOccurred())
		h := &zenleadv1.Holding{RequestId: "a", Token: held.GetToken(), Home: held.GetHome()}
		var last time.Time
		for range 4 {
			last = time.Now()
			home, err := l.renew(ctx, "short", h)
			Expect(err).NotTo(HaveOccurred())
			Expect(home).To(Equal(held.GetHome()))
			<-time.After(700 * time.Millisecond)
		}
		next, err := granted(stream, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(time.Since(last)).To(BeNumerically(">=", 2100*time.Millisecond), "its ttl and 5 %")
		Expect(next.GetToken()).To(BeNumerically(">", held.GetToken()))
		Expect(l.status(ctx, "short").LastTransition.Reason).To(Equal("Expired"))
		_, err = l.renew(ctx, "short", h)
		Expect(caller.Outcome(err)).To(Equal("Lost"))
	}, limit)

	It("is told by HTTP", func(ctx context.Context) {
		at := fmt.Sprintf("/v1/locks/report%%s?namespace=%s", s.Namespace)
		a, err := l.Call(ctx, http.MethodPost, fmt.Sprintf(at, "/acquire"), `{"requestId":"r1","owner":"me","wait":"5s"}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(200), a.Body)
		token := l.status(ctx, "report").Token
		Expect(a.Body).To(HavePrefix(fmt.Sprintf(`{"requestId":"r1","token":%d,"ttlSeconds":15,"waitedMs":`, token)))
		home := l.status(ctx, "report").Holders[0].Home
		a, err = l.Call(ctx, http.MethodPost, fmt.Sprintf(at, "/renew"), fmt.Sprintf(`{"requestId":"r1","token":%d,"home":%q}`, token, home))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Body).To(Equal(fmt.Sprintf(`{"home":%q}`, home)))
		Eventually(ctx, func() string {
			a, err = l.Call(ctx, http.MethodGet, fmt.Sprintf(at, ""), "")
			Expect(err).NotTo(HaveOccurred())
			return a.Body
		}).Should(ContainSubstring(`"holder":{"owner":"me"`))
		a, err = l.Call(ctx, http.MethodPost, fmt.Sprintf(at, "/release"), fmt.Sprintf(`{"requestId":"r1","token":%d}`, token))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Body).To(Equal("{}"))
		a, err = l.Call(ctx, http.MethodPost, fmt.Sprintf(at, "/release"), fmt.Sprintf(`{"requestId":"r2","token":%d}`, token))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(409))
		Expect(a.Reason).To(Equal("Lost"))
		a, err = l.Call(ctx, http.MethodPost, "/v1/locks/none/acquire?namespace="+s.Namespace, `{"requestId":"r1"}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(404))
		Expect(a.Reason).To(Equal("UnknownLock"))
		a, err = l.Call(ctx, http.MethodPost, fmt.Sprintf(at, "/acquire"), `{"requestId":"r/1"}`)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(400))
		Expect(a.Message).To(ContainSubstring("requestId"))
	}, limit)
})

var _ = Describe("A lock that two replicas serve", func() {
	var (
		s     *scene.Scene
		other *zenlead.Controller
		both  []locker
	)
	BeforeEach(func(ctx context.Context) {
		s = scene.New(ctx, c)
		caller.Account(ctx, s, "worker", "acquire", "get", "list", "watch", "force-release")
		var err error
		other, err = zenlead.Start(ctx, c, zenlead.Options{API: true})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(other.Kill()).To(Succeed()) })
		both = []locker{lockerAt(controller, ctx, s, "worker"), lockerAt(other, ctx, s, "worker")}
	})

	It("is kept by one of them, whichever is asked", func(ctx context.Context) {
		homes := map[string]bool{}
		Eventually(ctx, func(g Gomega) { // once they know of one another
			name := fmt.Sprintf("lock%d", len(homes)+int(time.Now().UnixNano()%1e6))
			makeLock(ctx, s, name, v1alpha1.ManualLockSpec{})
			a, err := granted(both[0].ask(ctx, name, "a"))
			g.Expect(err).NotTo(HaveOccurred())
			homes[a.GetHome()] = true
			queue, err := both[1].ask(ctx, name, "b")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(place(queue).GetPlace()).To(BeEquivalentTo(1))
			for _, l := range both {
				home, err := l.renew(ctx, name, &zenleadv1.Holding{RequestId: "a", Token: a.GetToken(), Home: a.GetHome()})
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(home).To(Equal(a.GetHome()))
			}
			g.Expect(both[0].release(ctx, name, "a", a.GetToken())).To(Succeed())
			b, err := granted(queue, nil)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(b.GetHome()).To(Equal(a.GetHome()), "release and grant at one place")
			g.Expect(homes).To(HaveLen(2), "both have locks of their own")
		}).WithTimeout(40 * time.Second).Should(Succeed())
	}, limit)

	It("goes on, and keeps its queue, when its home ends", func(ctx context.Context) {
		var name string
		var a *zenleadv1.Granted
		ends, err := other.Lease()
		Expect(err).NotTo(HaveOccurred())
		Eventually(ctx, func(g Gomega) {
			name = fmt.Sprintf("lock%d", time.Now().UnixNano()%1e9)
			makeLock(ctx, s, name, v1alpha1.ManualLockSpec{})
			a, err = granted(both[0].ask(ctx, name, "a"))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(a.GetHome()).To(Equal(ends))
		}).WithTimeout(40 * time.Second).Should(Succeed())
		queue, err := both[0].ask(ctx, name, "b")
		Expect(err).NotTo(HaveOccurred())
		Expect(place(queue).GetPlace()).To(BeEquivalentTo(1))
		Expect(other.Kill()).To(Succeed())
		_, err = granted(queue, nil)
		Expect(err).To(HaveOccurred(), "who waits is told to ask again")
		queue, err = both[0].ask(ctx, name, "b")
		Expect(err).NotTo(HaveOccurred())
		home, err := both[0].renew(ctx, name, &zenleadv1.Holding{RequestId: "a", Token: a.GetToken(), Home: a.GetHome()})
		Expect(err).NotTo(HaveOccurred())
		Expect(home).NotTo(Equal(ends))
		Expect(both[0].status(ctx, name).Holders[0].Token).To(Equal(a.GetToken()), "the token stays")
		Expect(both[0].release(ctx, name, "a", a.GetToken())).To(Succeed())
		b, err := granted(queue, nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(b.GetToken()).To(BeNumerically(">", a.GetToken()))
	}, limit)
})

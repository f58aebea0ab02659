package api_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	zenlead "github.com/kube-zen/zen-lead/sdk/go"
	"github.com/kube-zen/zen-lead/test/caller"
	controllers "github.com/kube-zen/zen-lead/test/zenlead"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

var _ = Describe("A replica that ends", func() {
	It("by SIGTERM tells whoever follows, answers what is under way, and is gone", func(ctx context.Context) {
		r := replica(ctx, controllers.Options{})
		s := newStage(ctx, "a")
		first := s.Leads(ctx, "web", "a")
		a := s.at(r)
		var followers []*caller.Events
		for range 50 {
			e := s.watch(ctx, a, "")
			until(e, "a", first.Term)
			followers = append(followers, e)
		}
		Expect(r.Terminate()).To(Succeed())
		for _, e := range followers {
			Eventually(ctx, func() (string, error) {
				v, err := e.Next()
				return v.Error.Reason, err
			}).Should(Equal("Draining"))
		}
		ended, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		Expect(r.Wait(ended)).To(Succeed())
	}, limit)

	It("by SIGKILL is gone on from by the client, at another one, and nothing is missed", func(ctx context.Context) {
		first, second := replica(ctx, controllers.Options{}), replica(ctx, controllers.Options{})
		s := newStage(ctx, "a", "b", "c")
		began := s.Leads(ctx, "web", "a")
		where := newFront(first.API.GRPC)
		ca := filepath.Join(GinkgoT().TempDir(), "ca.crt")
		var both []byte
		for _, r := range []*controllers.Controller{first, second} {
			b, err := os.ReadFile(r.API.CA)
			Expect(err).NotTo(HaveOccurred())
			both = append(both, b...)
		}
		Expect(os.WriteFile(ca, both, 0o600)).To(Succeed())
		client, err := zenlead.New(where.address, zenlead.WithCAFile(ca), zenlead.WithToken(s.token), zenlead.WithNamespace(s.Namespace))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(client.Close)

		var told []zenlead.State
		for state, err := range client.Watch(ctx, "web") {
			Expect(err).NotTo(HaveOccurred())
			if n := len(told); n > 0 {
				Expect(state.Term).To(BeNumerically(">=", told[n-1].Term))
			}
			told = append(told, state)
			switch {
			case state.Leader == nil:
			case len(told) == 1:
				Expect(state.Leader.Name).To(Equal("a"))
				Expect(state.Term).To(Equal(began.Term))
				Expect(first.Freeze()).To(Succeed()) // it tells nobody what happens now
				s.DeletePod(ctx, "a")
				Eventually(ctx, func() (string, error) {
					state, err := s.Look(ctx, "web")
					return state.Leader, err
				}).Should(Equal("b"))
				where.leadTo(second.API.GRPC)
				Expect(first.Kill()).To(Succeed())
			case state.Leader.Name == "b" && told[len(told)-2].Term < state.Term:
				s.DeletePod(ctx, "b")
			}
			if state.Leader != nil && state.Leader.Name == "c" {
				break
			}
		}
		Expect(told[len(told)-1].Leader.Name).To(Equal("c"))
	}, limit)
})

// front is an address behind which replicas come and go.
type front struct {
	address string
	to      atomic.Value
	mu      sync.Mutex
	open    []net.Conn
}

func newFront(to string) *front {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	f := &front{address: l.Addr().String()}
	f.to.Store(to)
	DeferCleanup(func() {
		_ = l.Close()
		f.cut()
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go f.forward(in)
		}
	}()
	return f
}

func (f *front) forward(in net.Conn) {
	to, _ := f.to.Load().(string)
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	f.mu.Lock()
	f.open = append(f.open, in, out)
	f.mu.Unlock()
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
	_ = in.Close()
}

// leadTo has new connections go elsewhere; those that there are stay.
func (f *front) leadTo(address string) { f.to.Store(address) }

func (f *front) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.open {
		_ = c.Close()
	}
}

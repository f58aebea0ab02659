package election_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/test/faults"
)

// shuffle is a transport that delays writes, and their answers, each by chance: they overtake one another. A write whose author
// has given up arrives all the same.
type shuffle struct {
	base http.RoundTripper
	// put carries out the writes: it stays when the process closes its connections.
	put http.RoundTripper

	mu sync.Mutex
	// writes are how many of this process's were sent. The second is the renewal.
	writes   int
	renewing chan struct{}
	pending  sync.WaitGroup
	// renewed is the status of the renewal.
	renewed atomic.Int32
}

// apart is how far writes can be moved against each other.
const apart = 8 * time.Millisecond

func (s *shuffle) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.Method != http.MethodPut {
		return s.base.RoundTrip(q)
	}
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.writes++
	n := s.writes
	if n == 2 {
		close(s.renewing)
	}
	s.mu.Unlock()
	type answer struct {
		*http.Response
		error
	}
	answered := make(chan answer, 1)
	s.pending.Go(func() {
		out := q.Clone(context.WithoutCancel(q.Context()))
		out.Body = io.NopCloser(bytes.NewReader(body))
		by(n > 1)
		r, err := s.put.RoundTrip(out)
		if err == nil {
			text, failed := io.ReadAll(r.Body)
			err = errors.Join(failed, r.Body.Close())
			r.Body = io.NopCloser(bytes.NewReader(text))
			if n == 2 {
				s.renewed.Store(int32(r.StatusCode))
			}
		}
		by(n > 1)
		answered <- answer{r, err}
	})
	select {
	case a := <-answered:
		return a.Response, a.error
	case <-q.Context().Done():
		return nil, q.Context().Err()
	}
}

// by waits for a random time, if it is to.
func by(yes bool) {
	if yes {
		pass(context.Background(), time.Duration(rand.Float64()*float64(apart)))
	}
}

// races has one process lead, give up while its renewal is under way, and so on; it fails when the Lease names it afterwards.
func races(ctx context.Context, t *contest, config *rest.Config, times int, landed, refused *atomic.Int32) error {
	put, err := rest.TransportFor(config)
	if err != nil {
		return err
	}
	for range times {
		s := &shuffle{put: put, renewing: make(chan struct{})}
		c := rest.CopyConfig(config)
		c.WrapTransport = func(base http.RoundTripper) http.RoundTripper {
			s.base = base
			return s
		}
		err := lead.Run(ctx, pool, func(ctx context.Context, _ lead.Term) error {
			select {
			case <-s.renewing:
				by(true)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}, lead.WithConfig(c), lead.WithNamespace(t.Namespace))
		if err != nil {
			return fmt.Errorf("lead: %w", err)
		}
		s.pending.Wait() // late writes too
		l, err := t.lease.Get(ctx)
		switch {
		case err != nil:
			return err
		case l.Record.Held():
			return fmt.Errorf("the process has given up term %d, and the Lease still names it until its duration ends", l.Record.Term())
		case s.renewed.Load() == http.StatusOK:
			landed.Add(1)
		case s.renewed.Load() == http.StatusConflict:
			refused.Add(1)
		}
	}
	return nil
}

var _ = Describe("A renewal that races the release", func() {
	It("never leaves the Lease to who has given it up", func(ctx context.Context) {
		const pools = 50
		times := faults.Longer(2, 200)
		var landed, refused atomic.Int32
		failed := make(chan error, pools)
		for range pools {
			t := newContest(ctx)
			config, err := clientcmd.BuildConfigFromFlags("", t.kubeconfig)
			Expect(err).NotTo(HaveOccurred())
			go func() { failed <- races(ctx, t, config, times, &landed, &refused) }()
		}
		for range pools {
			Expect(<-failed).NotTo(HaveOccurred())
		}
		line := fmt.Sprintf("%d races: the renewal came first in %d, the release in %d", pools*times, landed.Load(), refused.Load())
		fmt.Println(" ", line)
		AddReportEntry("races", line)
		// On a machine that is too busy the second write is not always a renewal.
		Expect(landed.Load() + refused.Load()).To(BeNumerically(">=", pools*times*9/10))
		Expect(landed.Load()).To(BeNumerically(">", pools*times/20))
		Expect(refused.Load()).To(BeNumerically(">", pools*times/20))
	}, limit)
})

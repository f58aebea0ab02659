package locks_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"golang.org/x/sync/errgroup"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/faults"
)

// race has a renewal race the release, by two replicas, a number of times; it fails where the lock stays with who has released it.
func (t *stand) race(ctx context.Context, lock string, times int, dice *rand.Rand, renewed, lost *atomic.Int32) error {
	for i := range times {
		id := fmt.Sprintf("%s.%d", lock, i)
		g, err := t.takes(ctx, t.seats[dice.IntN(2)], lock, id)
		if err != nil {
			return fmt.Errorf("take %s: %w", lock, err)
		}
		holding := &zenleadv1.Holding{RequestId: id, Token: g.GetToken(), Home: g.GetHome()}
		if dice.IntN(2) == 0 {
			holding.Home = ""
		}
		renews, releases := t.seats[dice.IntN(2)].asks, t.seats[dice.IntN(2)].asks
		apart := time.Duration(dice.Int64N(int64(8*time.Millisecond))) - 4*time.Millisecond
		var both errgroup.Group
		both.Go(func() error {
			pass(ctx, apart)
			_, err := renews.RenewLock(renews.Bearing(ctx), &zenleadv1.RenewLockRequest{Lock: lock, Namespace: t.Namespace, Holding: holding})
			switch said := caller.Outcome(err); said {
			case "OK":
				renewed.Add(1)
			case "Lost":
				lost.Add(1)
			default:
				return fmt.Errorf("renew %s: %w", lock, err)
			}
			return nil
		})
		both.Go(func() error {
			pass(ctx, -apart)
			_, err := releases.Release(releases.Bearing(ctx), &zenleadv1.ReleaseRequest{
				Lock: lock, Namespace: t.Namespace, Holding: &zenleadv1.Holding{RequestId: id, Token: g.GetToken()},
			})
			return err
		})
		if err := both.Wait(); err != nil {
			return err
		}
		if t.holder(ctx, lock) == id {
			return fmt.Errorf("%s has released %s, and holds it", id, lock)
		}
	}
	return nil
}

var _ = Describe("A renewal that races the release", func() {
	It("never leaves the lock to who has given it up, whichever replicas they ask", func(ctx context.Context) {
		t := newStand(ctx, 2)
		var renewed, lost atomic.Int32
		var all errgroup.Group
		for i := range 8 {
			lock := t.lockAt(ctx, t.seats[i%2], 60)
			all.Go(func() error {
				defer GinkgoRecover()
				return t.race(ctx, lock, faults.Longer(5, 1250), dice(uint64(i)), &renewed, &lost)
			})
		}
		Expect(all.Wait()).To(Succeed())
		line := fmt.Sprintf("%d races: the renewal came first in %d, the release in %d", renewed.Load()+lost.Load(), renewed.Load(), lost.Load())
		fmt.Println(" ", line)
		AddReportEntry("races", line)
		Expect(renewed.Load()).To(BeNumerically(">", 0))
		Expect(lost.Load()).To(BeNumerically(">", 0))
	}, limit)
})

package pools_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/kube-zen/zen-lead/test/churn"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/history/record"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

var blows = []struct {
	strike blow
	// ends: the process is gone.
	ends bool
}{{killed, true}, {frozen, false}, {cutOff, false}, {stopped, true}}

// Under random load two replicas run, of which one at a time is killed, stopped, frozen or cut off for a while. What the
// history shows is printed; with violations it stays in the file that is named.
var _ = Describe("Under random load", func() {
	It("nothing contradicts the contract, and every pool has a leader afterwards", func(ctx context.Context) {
		seed := uint64(GinkgoRandomSeed())
		s := scene.New(ctx, c)
		file := filepath.Join(os.TempDir(), fmt.Sprintf("zen-lead-history-%d.jsonl", seed))
		recorder, err := record.Start(ctx, s.Config, record.Options{Namespaces: []string{s.Namespace}, File: file})
		Expect(err).NotTo(HaveOccurred())
		pair := startPair(ctx, s)

		load, over := make(chan error, 1), make(chan struct{})
		var counts churn.Counts
		go func() {
			defer close(over)
			var err error
			counts, err = churn.Run(ctx, s.Config, churn.Options{
				Namespace: s.Namespace, Seed: seed, Duration: faults.Longer(12*time.Second, 3*time.Minute),
			})
			load <- err
		}()
		struck := 0
		for running := true; running; struck++ {
			victim := &pair[struck%2]
			blow := blows[struck/2%len(blows)]
			undo := blow.strike(*victim)
			select {
			case <-over:
				running = false
			case <-time.After(1500 * time.Millisecond):
			}
			undo(ctx)
			if blow.ends {
				*victim = startReplica(ctx, "")
			}
			select {
			case <-over:
				running = false
			case <-time.After(1500 * time.Millisecond):
			}
		}
		Expect(<-load).To(Succeed())
		for i := range 3 {
			Eventually(ctx, func(ctx context.Context) error {
				_, err := s.Look(ctx, fmt.Sprintf("pool-%d", i))
				return err
			}).Should(Succeed())
		}
		stop, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		events, err := recorder.Stop(stop)
		Expect(err).NotTo(HaveOccurred())
		report := history.Check(events)
		fmt.Fprintf(os.Stdout, "\nseed %d, one of two replicas killed, stopped, frozen or cut off %d times, %s\n%s", seed, struck, counts, report)
		Expect(report.Moves).To(BeNumerically(">", faults.Longer(10, 200)), "too little happened to show anything")
		Expect(report.Violations).To(BeEmpty(), file)
		Expect(os.Remove(file)).To(Succeed())
	}, limit)
})

package flood_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	discoveryv1 "k8s.io/api/discovery/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// rounds is how often the leader is moved, with the priority level and without.
const rounds = 5

var _ = Describe("While somebody floods the API server with lists", func() {
	It("leaders move at least three times as fast with zen-lead's priority level as without", func(ctx context.Context) {
		flooded, quiet := scene.New(ctx, c), scene.New(ctx, c)
		for _, pool := range []string{"before", "with", "without"} { // one pool does not move that often within a minute
			quiet.Policy(ctx, pool)
			quiet.Pod(ctx, pool+"-a", pool)
			quiet.Pod(ctx, pool+"-b", pool)
			quiet.Leads(ctx, pool, pool+"-a")
		}
		before := moves(ctx, quiet, "before")

		f := startFlood(ctx, flooded)
		defer f.end()
		with := moves(ctx, quiet, "with")
		schema := &flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: "zen-lead"}}
		Expect(quiet.Delete(ctx, schema)).To(Succeed())
		without := moves(ctx, quiet, "without")
		waiting, err := queued(ctx, quiet)
		Expect(err).NotTo(HaveOccurred())

		fmt.Fprintf(os.Stdout, "\nmedian of %d moves: %s before the flood, %s in it with zen-lead's priority level, %s without; %d lists answered, %d refused, %d waiting\n",
			rounds, median(before), median(with), median(without), f.answered.Load(), f.refused.Load(), waiting)
		Expect(f.answered.Load()).To(BeNumerically(">", rounds), "the flood was none")
		Expect(median(without)).To(BeNumerically(">", 3*median(with)))
	}, SpecTimeout(3*time.Minute))
})

// tooSlow is how long a move is waited for. On a busy machine one takes minutes in the flood.
const tooSlow = 20 * time.Second

// moves makes a pool's leader unready again and again, and returns how long each time it took until the leader Service named
// the other pod. A move that is too slow, with all that is written of the one before, counts as tooSlow, and so do those
// that are not made after it.
func moves(ctx context.Context, s *scene.Scene, pool string) []time.Duration {
	GinkgoHelper()
	watch, err := s.Watch(ctx, &discoveryv1.EndpointSliceList{}, client.InNamespace(s.Namespace), client.MatchingLabels{v1alpha1.PoolLabel: pool})
	Expect(err).NotTo(HaveOccurred())
	defer watch.Stop()
	var took []time.Duration
	for range rounds {
		began, late := time.Now(), time.After(tooSlow)
		state, err := s.Look(ctx, pool)
		for err != nil { // what the move before leaves to be written
			Expect(ctx.Err()).NotTo(HaveOccurred())
			if time.Since(began) > tooSlow {
				return append(took, slices.Repeat([]time.Duration{tooSlow}, rounds-len(took))...)
			}
			state, err = s.Look(ctx, pool)
		}
		began = time.Now()
		s.SetReady(ctx, state.Leader, false)
		for named := state.UID; named == state.UID; {
			select {
			case e := <-watch.ResultChan():
				slice, ok := e.Object.(*discoveryv1.EndpointSlice)
				Expect(ok).To(BeTrue(), "%v", e)
				if len(slice.Endpoints) == 1 {
					named = slice.Endpoints[0].TargetRef.UID
				}
			case <-late:
				return append(took, slices.Repeat([]time.Duration{tooSlow}, rounds-len(took))...)
			case <-ctx.Done():
				Fail("the Service never named the other pod")
			}
		}
		took = append(took, time.Since(began))
		s.SetReady(ctx, state.Leader, true)
	}
	return took
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2].Round(time.Millisecond)
}

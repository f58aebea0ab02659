package api_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
	"github.com/kube-zen/zen-lead/test/caller"
	"github.com/kube-zen/zen-lead/test/faults"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// residentMiB is what a process holds in memory.
func residentMiB(r *zenlead.Controller) float64 {
	GinkgoHelper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.PID()))
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kib float64
			_, err := fmt.Sscanf(rest, "%f kB", &kib)
			Expect(err).NotTo(HaveOccurred())
			return kib / 1024
		}
	}
	Fail("no VmRSS")
	return 0
}

var _ = Describe("Followers", func() {
	It("may be many: each is told of a change, and the controller keeps to the memory that the chart gives it", func(ctx context.Context) {
		const perAccount = 500
		streams := faults.Longer(1000, 10000)
		r := replica(ctx, zenlead.Options{})
		s := newStage(ctx, "a", "b")
		first := s.Leads(ctx, "web", "a")
		var all []grpc.ServerStreamingClient[zenleadv1.WatchLeaderResponse]
		for i := range streams / perAccount {
			name := fmt.Sprintf("asker-%d", i)
			caller.Account(ctx, s.Scene, name, "watch")
			a, err := caller.New(r.API, caller.Token(ctx, s.Scene, name, caller.Audience))
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(a.Close)
			for range perAccount {
				stream, err := a.WatchLeader(a.Bearing(ctx), &zenleadv1.WatchLeaderRequest{Pool: "web", Namespace: s.Namespace})
				Expect(err).NotTo(HaveOccurred())
				all = append(all, stream)
			}
		}
		await := func(pod string) {
			GinkgoHelper()
			for i, stream := range all {
				for {
					m, err := stream.Recv()
					Expect(err).NotTo(HaveOccurred(), "stream %d", i)
					if m.GetState().GetLeader().GetName() == pod {
						break
					}
				}
			}
		}
		await("a")
		Expect(residentMiB(r)).To(BeNumerically("<", 512), "%d streams", streams)
		s.DeletePod(ctx, "a")
		await("b")
		Expect(s.Leads(ctx, "web", "b").Term).To(BeNumerically(">", first.Term))
	}, limit)

	It("that go from replica to replica under random moves never see a smaller term, and in the end see what is", func(ctx context.Context) {
		replicas := []*zenlead.Controller{replica(ctx, zenlead.Options{}), replica(ctx, zenlead.Options{})}
		pods := []string{"a", "b", "c"}
		s := newStage(ctx, pods...)
		s.Leads(ctx, "web", "a")
		asks := []*caller.Caller{s.at(replicas[0]), s.at(replicas[1])}
		moving, stop := context.WithTimeout(ctx, faults.Longer(8*time.Second, 60*time.Second))
		defer stop()
		followers := 20
		seen := make([]caller.Event, followers)
		hops := make([]int, followers)
		var work errgroup.Group
		for i := range followers {
			chance := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), uint64(i)))
			work.Go(func() error {
				for moving.Err() == nil {
					hops[i]++
					if err := hop(moving, asks[chance.IntN(2)], s.Namespace, &seen[i], 1+chance.IntN(4)); err != nil && moving.Err() == nil {
						return fmt.Errorf("follower %d: %w", i, err)
					}
				}
				return nil
			})
		}
		moves, chance := 0, rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 99))
		for ; moving.Err() == nil; moves++ {
			to := pods[chance.IntN(len(pods))]
			if chance.IntN(4) == 0 {
				s.DeletePod(ctx, to)
				s.Pod(ctx, to, "web")
				continue
			}
			_, err := asks[chance.IntN(2)].Call(ctx, "POST", "/v1/leader/pool/web/handover?namespace="+s.Namespace, `{"to":"`+to+`"}`)
			Expect(err).NotTo(HaveOccurred())
		}
		Expect(work.Wait()).To(Succeed())
		Expect(moves).To(BeNumerically(">", 10))
		end, err := s.Look(ctx, "web")
		Expect(err).NotTo(HaveOccurred())
		for i := range followers {
			Expect(hops[i]).To(BeNumerically(">", 1))
			Expect(seen[i].Term).To(BeNumerically("<=", end.Term))
			for _, a := range asks {
				if e := s.watch(ctx, a, seen[i].ID); seen[i].Term < end.Term {
					until(e, end.Leader, seen[i].Term)
				}
			}
		}
		fmt.Printf("          %d moves, %d hops of %d followers\n", moves, sum(hops), followers)
	}, limit)
})

// hop follows the pool at a replica for some changes, after what was seen.
func hop(ctx context.Context, a *caller.Caller, namespace string, seen *caller.Event, changes int) error {
	e, err := a.Watch(ctx, namespace, "web", seen.ID)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }()
	for range changes {
		v, err := e.Leads()
		if err != nil {
			return err
		}
		if v.Term < seen.Term {
			return fmt.Errorf("term %d after %d", v.Term, seen.Term)
		}
		*seen = v
	}
	return nil
}

func sum(all []int) (n int) {
	for _, i := range all {
		n += i
	}
	return n
}

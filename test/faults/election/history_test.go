package election_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/anishathalye/porcupine"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/faults"
)

// verdict bounds porcupine.
const verdict = time.Minute

var _ = Describe("The history of a register that members increment", func() {
	It("is linearizable under all faults at once, and every acknowledged increment is in it", func(ctx context.Context) {
		t, r := newContest(ctx), newRegister(true)
		r.befalls(chances{lostRequest: 0.02, lostAnswer: 0.04, late: 0.05})
		seed := uint64(GinkgoRandomSeed())
		s := &storm{contest: t, register: r, dice: rand.New(rand.NewPCG(seed, 0))}
		reading, stop := context.WithCancel(ctx)
		defer stop()
		readers := r.read(reading, 2)
		Expect(s.rage(ctx, 4, faults.Longer(0, 2), faults.Longer(10*time.Second, 120*time.Second))).To(Succeed())

		r.befalls(chances{})
		calm := election.Now()
		leads := t.awaits(ctx, nil, "wrote", calm)
		Expect(leads.Member.Yield()).To(Succeed())
		next := t.awaits(ctx, nil, "began", leads.At)
		t.awaits(ctx, nil, "wrote", next.At)
		t.stop()
		stop()
		readers.wait.Wait()
		value, refused := r.has()
		h := append(t.history(), readers.saw...)
		h = append(h, operation{client: 999, value: value, call: election.Now(), returned: election.Now() + 1})
		terms := len(t.Works())
		line := fmt.Sprintf("%v; %d terms, %d requests refused; %v", h, terms, refused, &s.Counts)
		fmt.Println(" ", line)
		AddReportEntry("history", line)

		began := time.Now()
		Expect(h.linearizable(verdict)).To(Equal(porcupine.Ok), "checked in %v", time.Since(began))
		Expect(value).To(And(BeNumerically(">=", h.acknowledged()), BeNumerically("<=", h.acknowledged()+h.unknown())))
		Expect(100*h.overlapping()/len(h)).To(BeNumerically(">=", 20), "without operations that overlap it shows nothing")
		Expect(h.unknown()).To(BeNumerically(">", 0), "without operations whose outcome is unknown it shows nothing")
		Expect(terms).To(BeNumerically(">", faults.Longer(1, 10)))
		for _, what := range []string{"frozen", "killed", "stopped", "yielded", "deaf", "cut off", "writes held", "answers lost", "write late", "answer late", "Lease deleted", "etcd frozen", "API server killed"} {
			if faults.Full {
				Expect(s.All()).To(HaveKey(what))
			}
		}
	}, limit)

	DescribeTable("of a holder that stands still is judged right", func(ctx context.Context, fenced bool, want porcupine.CheckResult) {
		t, r := newContest(ctx), newRegister(fenced)
		leader, began, resumed := t.freeze(ctx, r, durations.Lease, survives)
		t.awaits(ctx, leader, "told", resumed)
		t.stop()
		Expect(t.history().after(resumed, began.Term) > 0).To(Equal(!fenced), "whether the late write was obeyed")
		Expect(t.history().linearizable(verdict)).To(Equal(want))
	},
		faults.OnlyFull(Entry("with the fence: nothing is lost", limit, true, porcupine.Ok)),
		Entry("without it: what its successor wrote is", limit, false, porcupine.Illegal),
	)
})

func TestHistoriesAreJudged(t *testing.T) {
	increment := func(from, to time.Duration, value int64) operation {
		return operation{increments: true, value: value, call: from, returned: to}
	}
	read := func(from, to time.Duration, value int64) operation {
		return operation{value: value, call: from, returned: to}
	}
	unknown := func(from, to time.Duration, value int64) operation {
		return operation{increments: true, value: value, call: from, returned: to, unknown: true}
	}
	for name, tc := range map[string]struct {
		history history
		want    porcupine.CheckResult
	}{
		"one after the other":                                    {history{increment(1, 2, 1), increment(3, 4, 2), read(5, 6, 2)}, porcupine.Ok},
		"a read beside an increment sees it or not":              {history{increment(1, 4, 1), read(2, 3, 0), read(2, 3, 1)}, porcupine.Ok},
		"a read does not see what an earlier one did no more":    {history{increment(1, 9, 1), read(2, 3, 1), read(4, 5, 0)}, porcupine.Illegal},
		"a lost increment":                                       {history{increment(1, 2, 1), increment(3, 4, 1)}, porcupine.Illegal},
		"a write of long ago undoes another":                     {history{increment(1, 2, 1), increment(3, 4, 2), increment(1, 6, 2), read(7, 8, 2)}, porcupine.Illegal},
		"an unknown increment happened":                          {history{unknown(1, 2, 1), read(3, 4, 1)}, porcupine.Ok},
		"an unknown increment did not happen":                    {history{unknown(1, 2, 1), read(3, 4, 0), increment(5, 6, 1)}, porcupine.Ok},
		"an unknown increment happened late":                     {history{unknown(1, 2, 1), read(3, 4, 0), read(5, 6, 1)}, porcupine.Ok},
		"an unknown increment does not happen twice":             {history{unknown(1, 2, 1), read(3, 4, 1), read(5, 6, 0)}, porcupine.Illegal},
		"an increment that nobody made":                          {history{read(1, 2, 1)}, porcupine.Illegal},
		"an acknowledged increment is gone from the final value": {history{increment(1, 2, 1), read(3, 4, 0)}, porcupine.Illegal},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.history.linearizable(verdict); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

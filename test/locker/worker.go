package locker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/kube-zen/zen-lead/test/election"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// worker takes one lock after the other.
type worker struct {
	Options
	*out
	number   int
	services []zenleadv1.LockServiceClient
	at       int
	dice     *rand.Rand
	http     *http.Client
	yields   <-chan struct{}
}

const (
	// within is how long one request may take that is answered at once.
	within = 2 * time.Second
	// settleWithin is how long it is tried to have a release answered.
	settleWithin = 40 * time.Second
	// between is the time between two attempts.
	between = 20 * time.Millisecond
)

func (w *worker) service() zenleadv1.LockServiceClient { return w.services[w.at%len(w.services)] }

// elsewhere has the next request go to another replica.
func (w *worker) elsewhere() { w.at++ }

func (w *worker) by(chance float64) bool { return chance > 0 && w.dice.Float64() < chance }

// upTo is a random duration.
func (w *worker) upTo(most time.Duration) time.Duration {
	return time.Duration(w.dice.Float64() * float64(most))
}

// run takes locks until ctx ends.
func (w *worker) run(ctx context.Context) {
	for n := 1; ctx.Err() == nil && (w.Cycles == 0 || n <= w.Cycles); n++ {
		lock := w.Locks[w.dice.IntN(len(w.Locks))]
		if h := w.acquire(ctx, lock, fmt.Sprintf("%s.%d.%d", w.Name, w.number, n)); h != nil {
			w.use(ctx, h)
		}
		pass(ctx, w.upTo(w.Rest))
	}
}

// use keeps the lock while it works, and releases it after that.
func (w *worker) use(ctx context.Context, h *hold) {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	keeper := *w // it goes where it likes
	h.w = &keeper
	h.begin(keeping)
	go h.keep(keeping)
	w.work(ctx, h)
	stop() // a renewal that is under way may be overtaken by the release
	h.release(context.WithoutCancel(ctx))
}

// acquire asks for a lock until it has it or knows that it will not; then it returns nil.
func (w *worker) acquire(ctx context.Context, lock, id string) *hold {
	about := Event{Lock: lock, Request: id}
	tell := func(e Event) {
		e.Lock, e.Request = about.Lock, about.Request
		w.tell(e)
	}
	wanted, give := ctx, context.CancelFunc(func() {})
	if w.by(w.Leaves) {
		wanted, give = context.WithTimeout(ctx, w.upTo(time.Second))
	}
	defer give()
	name := Asks
	for attempt := int64(1); ; attempt++ {
		sent := election.Now()
		tell(Event{At: sent, Name: name, Attempt: attempt})
		g, err := w.ask(wanted, lock, id, attempt, func(place int32) { tell(Event{Name: Waits, Place: place, Attempt: attempt}) })
		said := outcome(err)
		switch {
		case g != nil:
			h := &hold{w: w, lock: lock, id: id, token: g.GetToken(), ttl: time.Duration(g.GetTtlSeconds()) * time.Second, home: g.GetHome(), attempt: attempt}
			waited := time.Duration(g.GetWaitedMs()) * time.Millisecond
			h.from = sent + time.Duration(float64(waited)*(1-margin))
			tell(Event{Name: Granted, Token: h.token, Home: h.home, Attempt: attempt, Until: h.until(h.from)})
			return h
		case !open(said):
			tell(Event{Name: Refused, Outcome: said, Attempt: attempt})
			return nil
		case wanted.Err() != nil:
			tell(Event{Name: Leaves})
			tell(Event{Name: Left, Outcome: w.release(context.WithoutCancel(ctx), lock, id, 0)})
			return nil
		}
		w.elsewhere()
		pass(wanted, between)
		name = Again
	}
}

// ask sends one request for a lock, and waits for its answer for as long as it hears something now and then.
func (w *worker) ask(ctx context.Context, lock, id string, attempt int64, place func(int32)) (*zenleadv1.Granted, error) {
	ctx, cancel := context.WithCancel(bearing(ctx, w.Token))
	defer cancel()
	silence := time.AfterFunc(w.Patience, cancel)
	defer silence.Stop()
	a := &zenleadv1.Acquisition{RequestId: id, Owner: w.Name, TtlSeconds: w.TTLSeconds, Attempt: attempt}
	if w.Wait != nil {
		a.Wait = durationpb.New(*w.Wait)
	}
	stream, err := w.service().Acquire(ctx, &zenleadv1.AcquireRequest{Lock: lock, Namespace: w.Namespace, Acquisition: a})
	for err == nil {
		var m *zenleadv1.AcquireResponse
		if m, err = stream.Recv(); err != nil {
			break
		}
		silence.Reset(w.Patience)
		if g := m.GetGranted(); g != nil {
			return g, nil
		}
		place(m.GetWaiting().GetPlace())
	}
	return nil, err
}

// release asks for the end of a request until that is certain, and returns how it ended.
func (w *worker) release(ctx context.Context, lock, id string, token int64) string {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	first := true
	for {
		bounded, end := context.WithTimeout(bearing(ctx, w.Token), within)
		_, err := w.service().Release(bounded, &zenleadv1.ReleaseRequest{
			Lock: lock, Namespace: w.Namespace, Holding: &zenleadv1.Holding{RequestId: id, Token: token},
		})
		end()
		said := outcome(err)
		switch {
		case !open(said) && said != OK && !first:
			return Unheard // an earlier one may have done it
		case !open(said):
			return said
		case ctx.Err() != nil:
			return Unheard
		}
		first = false
		w.elsewhere()
		pass(ctx, between)
	}
}

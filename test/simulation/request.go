package simulation

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/test/simulation/api"
)

// ending is what becomes of a request.
type ending int

const (
	// answered is the usual one.
	answered ending = iota
	// lost never arrives, unanswered arrives and its answer does not. late arrives after the connection broke.
	lost
	unanswered
	overdue
	// refused is an answer of an overloaded server, which did nothing.
	refused
)

// fate of one request. An answer comes after there and back; a connection that breaks does so after broken, 0: it hangs, and
// the sender's patience ends it.
type fate struct {
	ending              ending
	there, back, broken time.Duration
	// turn is when it is served after a hanging server comes back: not all at once.
	turn time.Duration
}

// hangsFor is how long a request without a deadline waits for a dead connection.
const hangsFor = 15 * time.Second

func drawFate(w weather, d *dice) fate {
	f := fate{there: d.between(200*time.Microsecond, 8*time.Millisecond), back: d.between(100*time.Microsecond, 4*time.Millisecond)}
	f.turn = d.between(time.Microsecond, 20*time.Millisecond)
	if d.in(w.slow) {
		if d.in(0.5) {
			f.there += d.between(20*time.Millisecond, 4*time.Second)
		} else {
			f.back += d.between(20*time.Millisecond, 4*time.Second)
		}
	}
	if d.in(0.6) {
		f.broken = f.there + d.between(time.Millisecond, time.Second)
	}
	switch {
	case d.in(w.lost):
		f.ending = lost
	case d.in(w.unanswered):
		f.ending = unanswered
	case d.in(w.late):
		f.ending = overdue
		if f.broken != 0 {
			f.there = f.broken + d.between(time.Millisecond, 10*time.Second)
		} else {
			f.there = writeTimeout + d.between(time.Millisecond, 10*time.Second)
		}
	case d.in(w.refused):
		f.ending = refused
	}
	return f
}

// writeTimeout is the controller's patience with one request; only the draws depend on it.
const writeTimeout = 5 * time.Second

// send carries one request to the API server and its answer back, as the weather allows. effect is what the request does with
// the object, at the moment at which it arrives.
func (p *process) send(ctx context.Context, verb string, o client.Object, effect func(client.Object) error) error {
	if err := p.awake(); err != nil {
		return err
	}
	w := p.world
	k, err := api.KindOf(o)
	if err != nil {
		return err
	}
	what := verb + " " + k.String() + " " + o.GetName()
	d := rolled(w.seed, p.name, what, strconv.Itoa(p.ordinal(what)))
	weather := w.weather()
	if verb == "patch" {
		weather.late = max(weather.late, weather.malice/2)
	}
	f := drawFate(weather, d)
	w.count(Requests)
	until := hangsFor
	if deadline, set := ctx.Deadline(); set {
		until = time.Until(deadline)
	}
	err = w.carry(f, until, o, func(o client.Object) error {
		w.writes(p)
		return effect(o)
	}, d)
	if w.trace != nil {
		w.tracef("%s: %s: %v (%+v)", p.name, what, err, f)
	}
	if dead := p.awake(); dead != nil {
		return dead
	}
	switch {
	case apierrors.IsConflict(err):
		w.count(Conflicts)
	case apierrors.IsInvalid(err):
		w.count(FencedOff)
	}
	return err
}

// carry returns when the sender knows something, which is not when the request has arrived.
func (w *world) carry(f fate, until time.Duration, o client.Object, effect func(client.Object) error, d *dice) error {
	if f.there+f.back > until && f.ending == answered || f.ending == overdue || f.ending == unanswered {
		return w.part(f, until, o, effect)
	}
	if f.there > 20*time.Millisecond || f.back > 20*time.Millisecond {
		w.count(SlowRequests)
	}
	if f.ending == lost {
		w.count(RequestsLost)
		return w.breaks(f, until)
	}
	if f.ending == refused {
		w.count(RequestsRefused)
		time.Sleep(f.there + f.back)
		return refusal(d)
	}
	time.Sleep(f.there)
	crashed, condition := w.crashes(), w.state()
	if condition == down {
		time.Sleep(f.back)
		return connection(syscall.ECONNREFUSED)
	}
	if condition == hung {
		until -= f.there
		f.there = 0
		return w.part(f, until, o, effect)
	}
	err := effect(o)
	time.Sleep(f.back)
	if w.crashes() != crashed {
		return connection(syscall.ECONNRESET)
	}
	return err
}

// part sends a request whose sender does not see it through: what it does is done to a copy.
func (w *world) part(f fate, until time.Duration, o client.Object, effect func(client.Object) error) error {
	of := api.Copy(o)
	answer := make(chan error, 1)
	go func() {
		time.Sleep(f.there)
		if f.ending == overdue {
			w.count(LateWrites)
		}
		if w.thaw() {
			time.Sleep(f.turn)
		}
		if w.state() == down {
			return
		}
		err := effect(of)
		time.Sleep(f.back)
		if f.ending == answered {
			answer <- err
		}
	}()
	if f.ending == unanswered {
		w.count(AnswersLost)
	}
	if f.ending != answered {
		return w.breaks(f, until)
	}
	select {
	case err := <-answer:
		if err == nil {
			api.CopyInto(o, of)
		}
		return err
	case <-time.After(until):
		w.count(TimedOut)
		return context.DeadlineExceeded
	}
}

// breaks waits until the sender gives up.
func (w *world) breaks(f fate, until time.Duration) error {
	if f.broken != 0 && f.broken < until {
		time.Sleep(f.broken)
		return connection(syscall.ECONNRESET)
	}
	time.Sleep(until)
	w.count(TimedOut)
	return context.DeadlineExceeded
}

func connection(err error) error { return &url.Error{Op: "Put", URL: "https://simulated", Err: err} }

func refusal(d *dice) error {
	switch d.intN(3) {
	case 0:
		return apierrors.NewInternalError(errors.New("simulated"))
	case 1:
		return apierrors.NewTooManyRequests("simulated", 1)
	default:
		return apierrors.NewServerTimeout(schema.GroupResource{Resource: "simulated"}, "put", 1)
	}
}

package overlap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/proxy"
)

// Schedule is what befalls a leader.
type Schedule struct {
	// Late is how long the answer to each of its renewals waits, from the next renewal on. When the first of them has waited the link is
	// cut, and healed only when all is over: what was sent meanwhile arrives then.
	Late time.Duration
	// Deaf: from the same moment on it hears nothing but those answers; watches break and reads hang.
	Deaf bool
}

// Outcome is what came of it. Times are of the machine's monotonic clock.
type Outcome struct {
	// Applied is when the API server had applied the first of these renewals, Cut when the link was cut.
	Applied, Cut time.Duration
	// Ended is when the leader's work had returned, Began when the successor's began.
	Ended, Began time.Duration
	// Both is for how long two members worked at once: 0 is right.
	Both time.Duration
	// Cause is why the leader's work was told to end.
	Cause string
}

// reach is how long an answer takes from the proxy to the program, amply.
const reach = 20 * time.Millisecond

// errMoved: the leader lost the lead by itself before anything befell it, as happens on a machine that is short of time.
var errMoved = errors.New("the leader does not renew")

// Run carries out one schedule on the present leader. Afterwards another member leads, and this one contends again.
func (p *Pool) Run(ctx context.Context, s Schedule) (Outcome, error) {
	ctx, cancel := p.bound(ctx)
	defer cancel()
	for {
		leader, err := p.group.Leader(ctx)
		if err != nil {
			return Outcome{}, fmt.Errorf("%s: nobody leads: %w", p.options.Pool, err)
		}
		o, err := p.befall(ctx, leader, s)
		if !errors.Is(err, errMoved) || ctx.Err() != nil {
			return o, err
		}
	}
}

func (p *Pool) befall(ctx context.Context, leader *election.Member, s Schedule) (Outcome, error) {
	link := p.links[leader]
	if s.Deaf {
		reads := link.Hold(proxy.Match{Method: http.MethodGet})
		defer reads.Release()
		link.Break()
	}
	late := link.LateReply(proxy.Match{
		Method: http.MethodPut, Resource: "leases", Namespace: p.options.Namespace, Name: p.options.Pool,
	}, s.Late)
	defer late.Remove()
	renewing, cancel := context.WithTimeout(ctx, p.options.Lease)
	defer cancel()
	if err := late.Await(renewing, 1); err != nil {
		return Outcome{}, fmt.Errorf("%s: %w: %w", p.options.Pool, errMoved, err)
	}
	o := Outcome{Applied: election.Now()}
	select {
	case <-time.After(s.Late + reach):
	case <-ctx.Done():
		return o, context.Cause(ctx)
	}
	o.Cut = election.Now()
	late.Remove() // rules act in the order in which they were made
	cut := link.Cut()
	defer cut.Release()
	err := p.succeed(ctx, leader, &o)
	return o, err
}

// succeed waits until the leader works no more and another member does.
func (p *Pool) succeed(ctx context.Context, leader *election.Member, o *Outcome) error {
	var seen []election.Sighting
	ended := false
	var successor *election.Member
	for !ended || successor == nil {
		s, err := p.group.Next(ctx)
		if err != nil {
			return fmt.Errorf("%s: no successor: %w", p.options.Pool, err)
		}
		seen = append(seen, s)
		switch {
		case s.Name == election.Gone:
			return fmt.Errorf("%s: the process of %s ended by itself", p.options.Pool, s.Of.Identity)
		case s.Of == leader && s.Name == "told":
			o.Cause = s.Cause
		case s.Of == leader && s.Name == "ended":
			ended, o.Ended = true, s.At
		case s.Of != leader && s.Name == "began":
			successor, o.Began = s.Of, s.At
		case s.Of == successor && s.Name == "ended":
			successor = nil
		}
	}
	o.Both = both(leader, seen)
	return nil
}

// both is for how long two members worked, where at first the leader did. Each tells by itself, so what was received is put in order.
func both(leader *election.Member, seen []election.Sighting) (total time.Duration) {
	slices.SortStableFunc(seen, func(a, b election.Sighting) int { return cmp.Compare(a.At, b.At) })
	working := map[*election.Member]bool{leader: true}
	last := time.Duration(0)
	for _, s := range seen {
		if len(working) > 1 {
			total += s.At - last
		}
		last = s.At
		switch s.Name {
		case "began":
			working[s.Of] = true
		case "ended":
			delete(working, s.Of)
		}
	}
	return total
}

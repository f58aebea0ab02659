package term

import (
	"fmt"
	"time"
)

// Margin is how far apart the rates of two clocks may be, as a part of one: a crystal that is off by a minute an hour is well
// within it. Whoever waits for another's duration waits that much longer; whoever holds stops that much earlier.
const Margin = 0.05

// StopBudget is the least time that a holder has between the end of its work's context and the hard stop.
const StopBudget = 500 * time.Millisecond

// EmptyDuration is what a record without holder lasts: nobody need wait for it.
const EmptyDuration = time.Second

// Durations are those of a pool whose members contend.
type Durations struct {
	// Lease is how long a record lasts after its last renewal.
	Lease time.Duration
	// RenewDeadline is how long a holder works after it sent its last successful renewal.
	RenewDeadline time.Duration
	// Retry is how long a holder waits after a renewal that failed.
	Retry time.Duration
}

// DefaultDurations are those of client-go and controller-runtime.
var DefaultDurations = Durations{Lease: 15 * time.Second, RenewDeadline: 10 * time.Second, Retry: 2 * time.Second}

// Validate fails where a holder could not stop before others begin, or could not try twice to renew.
func (d Durations) Validate() error {
	switch {
	case d.Lease <= 0 || d.RenewDeadline <= 0 || d.Retry <= 0:
		return fmt.Errorf("durations %v/%v/%v: must be positive", d.Lease, d.RenewDeadline, d.Retry)
	case d.RenewDeadline+StopBudget >= d.HardStop():
		return fmt.Errorf("renew deadline %v: must be at least %v less than %v, which is the lease duration %v without its margin",
			d.RenewDeadline, StopBudget, d.HardStop(), d.Lease)
	case d.Retry*12/10 >= d.RenewDeadline:
		return fmt.Errorf("retry period %v: must be less than the renew deadline %v / 1.2", d.Retry, d.RenewDeadline)
	}
	return nil
}

// HardStop is how long after it sent its last successful renewal a holder must have ended, whatever it does.
func (d Durations) HardStop() time.Duration { return d.Lease - time.Duration(float64(d.Lease)*Margin) }

// Interval is the time from one renewal to the next while all goes well. It leaves time for a second try.
func (d Durations) Interval() time.Duration { return min(d.Lease/3, d.RenewDeadline/2) }

// RequestTimeout is how long one renewal may take before another is tried on a new connection.
func (d Durations) RequestTimeout() time.Duration {
	return max((d.RenewDeadline-d.Interval())/2, min(d.Retry, d.RenewDeadline/4))
}

// Wait is how long to wait, on one's own clock, for another's duration to have passed on its clock.
func Wait(d time.Duration) time.Duration { return d + time.Duration(float64(d)*Margin) }

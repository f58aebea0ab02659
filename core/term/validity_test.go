package term_test

import (
	"math"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/core/term"
)

// at is an instant some time after the start of the machine, by both clocks.
func at(d time.Duration) term.Instant {
	return term.Instant{Mono: d, Wall: time.Unix(1e9, 0).Add(d)}
}

const second = time.Second

func TestValidity(t *testing.T) {
	short := term.Durations{Lease: 3 * second, RenewDeadline: 2 * second, Retry: second}
	for name, tc := range map[string]struct {
		befalls func(*term.Validity)
		now     term.Instant
		want    term.Times
	}{
		"it counts from when the request was sent": {
			func(*term.Validity) {}, at(100 * second), term.Times{Work: 10 * second, Hard: 14250 * time.Millisecond, Renew: 5 * second}},
		"it is over when its time is": {
			func(*term.Validity) {}, at(120 * second), term.Times{Work: -10 * second, Hard: -5750 * time.Millisecond, Renew: -15 * second}},
		"a renewal counts from when it was sent, however late its answer comes": {
			func(v *term.Validity) { v.Confirmed(at(105*second), term.DefaultDurations) }, at(109 * second),
			term.Times{Work: 6 * second, Hard: 10250 * time.Millisecond, Renew: second}},
		"the answer to an older renewal takes nothing back": {
			func(v *term.Validity) {
				v.Confirmed(at(105*second), term.DefaultDurations)
				v.Confirmed(at(103*second), term.DefaultDurations)
			}, at(105 * second), term.Times{Work: 10 * second, Hard: 14250 * time.Millisecond, Renew: 5 * second}},
		"a renewal whose outcome is not known extends nothing": {
			func(v *term.Validity) { v.Tried(at(105*second), term.DefaultDurations) }, at(105 * second),
			term.Times{Work: 5 * second, Hard: 9250 * time.Millisecond, Renew: 0}},
		"a renewal of unknown outcome that may have shortened the record shortens the term": {
			func(v *term.Validity) { v.Tried(at(105*second), short) }, at(105 * second),
			term.Times{Work: 2 * second, Hard: 2850 * time.Millisecond, Renew: 0}},
		"it shortens the term also where the wall clock was ahead when it was sent, and is set back": {
			func(v *term.Validity) {
				v.Tried(term.Instant{Mono: 105 * second, Wall: at(109 * second).Wall}, short)
			}, at(106 * second), term.Times{Work: second, Hard: 1850 * time.Millisecond, Renew: -second}},
		"the machine was suspended: its monotonic clock stood still": {
			func(*term.Validity) {}, term.Instant{Mono: 101 * second, Wall: at(160 * second).Wall},
			term.Times{Work: -50 * second, Hard: 14250*time.Millisecond - 60*second, Renew: -55 * second}},
		"somebody set the clock back: the monotonic one counts": {
			func(*term.Validity) {}, term.Instant{Mono: 109 * second, Wall: at(-3600 * second).Wall},
			term.Times{Work: second, Hard: 5250 * time.Millisecond, Renew: -4 * second}},
	} {
		t.Run(name, func(t *testing.T) {
			v := term.Begin(at(100*second), term.DefaultDurations)
			tc.befalls(&v)
			if got := v.At(tc.now); got != tc.want {
				t.Errorf("At() = %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for name, tc := range map[string]struct {
		durations term.Durations
		ok        bool
	}{
		"the defaults":                                  {term.DefaultDurations, true},
		"the shortest that a policy can have":           {term.Durations{Lease: 3 * second, RenewDeadline: 2 * second, Retry: second}, true},
		"no time between the end of work and hard stop": {term.Durations{Lease: 15 * second, RenewDeadline: 14 * second, Retry: 2 * second}, false},
		"no time for a second try":                      {term.Durations{Lease: 15 * second, RenewDeadline: 10 * second, Retry: 9 * second}, false},
		"a duration of nothing":                         {term.Durations{Lease: 15 * second, RenewDeadline: 10 * second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.durations.Validate(); (err == nil) != tc.ok {
				t.Errorf("Validate() = %v", err)
			}
		})
	}
}

// FuzzTheHolderStopsBeforeOthersBegin: whatever the durations and the rates of two clocks within the margin, the hard stop of a
// holder that sent its renewal before it was seen comes before another may begin.
func FuzzTheHolderStopsBeforeOthersBegin(f *testing.F) {
	f.Add(int64(15), 0.0, 0.0)
	f.Add(int64(3), -math.Pi/2, math.Pi/2)
	f.Fuzz(func(t *testing.T, number int64, fast, slow float64) {
		lease, holder, waiter := 1+int64(uint64(number)%3600), rate(fast), rate(slow)
		d := term.Durations{Lease: time.Duration(lease) * second}
		stops := float64(d.HardStop()) / holder // in true time, by a clock of that rate
		begins := float64(term.Wait(d.Lease)) / waiter
		if stops > begins+2 {
			t.Errorf("the holder stops at %v, another begins at %v", time.Duration(stops), time.Duration(begins))
		}
	})
}

// rate makes any number the rate of a clock within the margin.
func rate(x float64) float64 { return 1 + term.Margin*math.Sin(x) }

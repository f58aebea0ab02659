package pool

import (
	"slices"
	"testing"
	"time"
)

func TestBeforeAMove(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(o *Observed)
		want   []string
	}{
		"holder and successor are read where another process wrote the record": {
			func(o *Observed) { o.OwnRecord = false }, []string{"a", "b"}},
		"and where this process was asleep": {
			func(o *Observed) { o.Drowsy = true }, []string{"a", "b"}},
		"what was read is not read again": {
			func(o *Observed) { o.OwnRecord, o.Verified = false, []string{"a"} }, []string{"b"}},
		"a holder that is no member in this process's view is read too": {
			func(o *Observed) { o.OwnRecord, o.Members = false, o.Members[1:] }, []string{"a", "b"}},
		"nothing is read for a record that this process wrote": {
			func(*Observed) {}, nil},
		"nothing is read where the leader stays": {
			func(o *Observed) { o.OwnRecord, o.Members[0].Ready = false, true }, nil},
		"the successor is read where nobody led by another's record": {
			func(o *Observed) { *o = observed("", member("b")); o.OwnRecord = false }, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := observed("a", member("a", unready), member("b"))
			tc.change(&o)
			p := Decide(o, epoch)
			if !slices.Equal(p.Verify, tc.want) {
				t.Errorf("reads %v, want %v", p.Verify, tc.want)
			}
			if p.reads() && (p.Record != nil || p.Roles != nil || p.Slices != nil || p.Status != nil) {
				t.Errorf("it writes before it has read: %+v", p)
			}
		})
	}
}

func TestAProcessThatSlept(t *testing.T) {
	const ms = time.Millisecond
	for name, tc := range map[string]struct {
		beats  []time.Duration
		at     time.Duration
		drowsy bool
	}{
		"one that runs is not drowsy":                     {[]time.Duration{0, 100 * ms, 200 * ms}, 300 * ms, false},
		"one that has just begun is not":                  {nil, 0, false},
		"one that noticed a gap is":                       {[]time.Duration{0, 100 * ms, 5000 * ms, 5100 * ms}, 5200 * ms, true},
		"one whose first act after the gap is a decision": {[]time.Duration{0, 100 * ms}, 5000 * ms, true},
		"a starved one is not, for a while":               {[]time.Duration{0, 900 * ms}, 1800 * ms, false},
	} {
		t.Run(name, func(t *testing.T) {
			var p pulse
			for _, b := range tc.beats {
				p.beat(epoch.Add(b))
			}
			if got := p.drowsy(epoch.Add(tc.at)); got != tc.drowsy {
				t.Errorf("drowsy %v, want %v", got, tc.drowsy)
			}
		})
	}
	t.Run("it is awake again after a while", func(t *testing.T) {
		var p pulse
		p.beat(epoch)
		for at := 5 * time.Second; at < 15*time.Second; at += 100 * ms {
			p.beat(epoch.Add(at))
		}
		if p.drowsy(epoch.Add(15 * time.Second)) {
			t.Error("still drowsy 10 s later")
		}
	})
}

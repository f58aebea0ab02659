package heartbeat

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

const duration = 40 * time.Second

// cluster is nodes whose kubelets renew every ten seconds, each at a second of its own, before a judge who looks each second.
type cluster struct {
	judge Judge
	now   time.Time
	// nodes, with the seconds at which they renew; silenced do not.
	nodes    map[string]int
	silenced map[string]bool
	// deaf: what is written is not heard.
	deaf  bool
	ever  map[string]time.Time
	began time.Time
}

func newCluster(nodes int) *cluster {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &cluster{now: epoch, nodes: map[string]int{}, silenced: map[string]bool{}, ever: map[string]time.Time{}}
	for n := range nodes {
		c.nodes[fmt.Sprintf("n%d", n)] = n * 3 % 10
		c.judge.Saw(fmt.Sprintf("n%d", n), "before", duration, c.now)
	}
	c.judge.Disturbed(c.now)
	c.run(30 * time.Second)
	c.began = c.now
	return c
}

func (c *cluster) run(d time.Duration) {
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(time.Second)
		for name, at := range c.nodes {
			if c.now.Second()%10 == at && !c.silenced[name] && !c.deaf {
				c.judge.Saw(name, c.now.String(), duration, c.now)
			}
		}
		c.judge.Look(c.now)
		for name := range c.nodes {
			if _, known := c.ever[name]; c.judge.Silent(name) && !known {
				c.ever[name] = c.now
			}
		}
	}
}

func (c *cluster) suspected() []string { return slices.Sorted(maps.Keys(c.ever)) }

func TestANodeThatStopsToRenewIsSuspected(t *testing.T) {
	c := newCluster(3)
	c.run(time.Minute)
	if got := c.suspected(); got != nil {
		t.Fatalf("suspects %v, who renew", got)
	}
	c.silenced["n1"] = true
	last := c.now.Truncate(10 * time.Second).Add(3 * time.Second) // n1's last renewal
	if last.After(c.now) {
		last = last.Add(-10 * time.Second)
	}
	c.run(time.Minute)
	if got := c.suspected(); !slices.Equal(got, []string{"n1"}) {
		t.Fatalf("suspects %v, want n1", got)
	}
	if after := c.ever["n1"].Sub(last); after < 16800*time.Millisecond || after > 18*time.Second {
		t.Errorf("suspected %s after its last renewal, want 0.4 of its duration and a margin", after)
	}
	c.silenced["n1"] = false
	c.run(11 * time.Second)
	if c.judge.Silent("n1") {
		t.Error("it renews again and is suspected still")
	}
}

func TestHalfOfAllNodesMayBeSuspectedAndNoMore(t *testing.T) {
	for silenced, want := range map[int]bool{1: true, 2: true, 3: false, 4: false} {
		c := newCluster(4)
		for n := range silenced {
			c.silenced[fmt.Sprintf("n%d", n)] = true
		}
		c.run(17 * time.Second) // all those that are silenced are silent by now, or none of them
		c.run(10 * time.Second)
		all := 0
		for n := range 4 {
			if c.judge.Silent(fmt.Sprintf("n%d", n)) {
				all++
			}
		}
		if (all == silenced) != want || !want && all > 0 {
			t.Errorf("%d of 4 are silent, and %d are suspected", silenced, all)
		}
	}
}

func TestNobodyIsSuspectedForABreak(t *testing.T) {
	for name, pause := range map[string]func(*cluster){
		"the API server is away, and the watch breaks": func(c *cluster) {
			c.deaf = true
			for range 40 {
				c.judge.Disturbed(c.now) // each try
				c.run(time.Second)
			}
			c.judge.Disturbed(c.now)
			c.deaf = false
		},
		"the process sleeps": func(c *cluster) { c.now = c.now.Add(14 * time.Second) },
		"nothing is heard for long, and the watch does not break": func(c *cluster) {
			c.deaf = true
			c.run(45 * time.Second)
			if c.judge.undisturbed.Before(c.began) {
				t.Error("not noticed")
			}
			c.deaf = false
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(5)
			pause(c)
			c.ever = map[string]time.Time{} // while some are heard no more, and not yet half
			c.run(30 * time.Second)
			if got := c.suspected(); got != nil {
				t.Errorf("suspects %v", got)
			}
		})
	}
}

func TestANodeThatWasNeverHeardIsNotSuspected(t *testing.T) {
	c := newCluster(3)
	c.judge.Saw("old", "long ago", duration, c.now)
	c.run(time.Hour)
	if got := c.suspected(); got != nil || c.judge.Silent("old") {
		t.Errorf("suspects %v, and old: %v", got, c.judge.Silent("old"))
	}
}

func TestANodeWithoutLeaseIsNotSuspected(t *testing.T) {
	c := newCluster(3)
	c.silenced["n1"] = true
	c.run(30 * time.Second)
	c.judge.Forget("n1")
	if changed, _ := c.judge.Look(c.now.Add(time.Second)); !slices.Equal(changed, []string{"n1"}) || c.judge.Silent("n1") {
		t.Errorf("changed %v", changed)
	}
}

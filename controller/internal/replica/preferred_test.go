package replica

import (
	"fmt"
	"testing"
)

func TestPreference(t *testing.T) {
	replicas := []string{"zen-lead.a-1", "zen-lead.b-2", "zen-lead.c-3"}
	const pools = 3000
	before := map[string]string{}
	count := map[string]int{}
	for i := range pools {
		pool := fmt.Sprintf("default/pool-%d", i)
		before[pool] = preferred(replicas, pool)
		count[before[pool]]++
	}
	t.Run("spreads pools evenly", func(t *testing.T) {
		for _, r := range replicas {
			if n := count[r]; n < pools/3*9/10 || n > pools/3*11/10 {
				t.Errorf("%s is preferred by %d of %d", r, n, pools)
			}
		}
	})
	t.Run("does not depend on the order of the replicas", func(t *testing.T) {
		for pool, want := range before {
			if got := preferred([]string{replicas[2], replicas[0], replicas[1]}, pool); got != want {
				t.Fatalf("%s prefers %s and %s", pool, want, got)
			}
		}
	})
	t.Run("of a pool changes only when its replica goes", func(t *testing.T) {
		for pool, was := range before {
			if got := preferred(replicas[:2], pool); was != replicas[2] && got != was {
				t.Fatalf("%s preferred %s, which is still there, and now %s", pool, was, got)
			}
		}
	})
	t.Run("is the same in every release", func(t *testing.T) {
		if got := preferred(replicas, "default/web"); got != "zen-lead.c-3" {
			t.Errorf("default/web prefers %s", got)
		}
	})
	t.Run("is nobody's where there is nobody", func(t *testing.T) {
		if got := preferred(nil, "default/web"); got != "" {
			t.Errorf("default/web prefers %s", got)
		}
	})
}

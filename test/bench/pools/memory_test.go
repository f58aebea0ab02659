package pools

import "testing"

func TestAPoolIsWhatIsLeftOfItsShareWithoutItsPods(t *testing.T) {
	m := memory{empty: 1_000_000, fresh: 1_000_000 + 100*(7_000+3*2_000), grown: 1_000_000 + 100*(7_000+4*2_000)}
	if pool, pod := m.shares(size{100, 3}); pool != 7_000 || pod != 2_000 {
		t.Errorf("a pool of %v bytes and a pod of %v, want 7000 and 2000", pool, pod)
	}
}

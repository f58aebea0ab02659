package pools

import (
	"strings"
	"testing"
)

func TestPassesOfAllOutcomesAreAddedUp(t *testing.T) {
	got, err := countPasses(strings.NewReader(`# TYPE controller_runtime_reconcile_total counter
controller_runtime_reconcile_total{controller="membership",result="success"} 7
controller_runtime_reconcile_total{controller="pool",result="error"} 1
controller_runtime_reconcile_total{controller="pool",result="requeue_after"} 20
controller_runtime_reconcile_total{controller="pool",result="success"} 300
`))
	if err != nil || got != 321 {
		t.Errorf("got %d, %v, want 321", got, err)
	}
}

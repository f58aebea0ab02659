package pools

import (
	"strings"
	"testing"
)

func TestGaugesAreReadFromTheMetrics(t *testing.T) {
	got, err := parseGauges(strings.NewReader(`# TYPE controller_runtime_reconcile_total counter
controller_runtime_reconcile_total{controller="membership",result="success"} 7
controller_runtime_reconcile_total{controller="pool",result="error"} 1
controller_runtime_reconcile_total{controller="pool",result="requeue_after"} 20
controller_runtime_reconcile_total{controller="pool",result="success"} 300
# HELP go_gc_heap_live_bytes Heap memory occupied by live objects that were marked by the previous GC.
go_gc_heap_live_bytes 1.23456789e+08
go_gc_cycles_total_gc_cycles_total 42
go_gc_cycles_forced_gc_cycles_total 3
`))
	if want := (gauges{passes: 321, collections: 42, live: 123456789}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAGaugeThatIsNoNumberIsAnError(t *testing.T) {
	if _, err := parseGauges(strings.NewReader("go_gc_heap_live_bytes many\n")); err == nil {
		t.Error("no error")
	}
}

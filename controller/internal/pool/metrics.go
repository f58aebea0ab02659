package pool

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// moves counts the changes of leaders that this process wrote. It has no label for the pool: a cluster may have
// thousands, and the status of each tells its own.
var moves = promauto.With(metrics.Registry).NewCounterVec(prometheus.CounterOpts{
	Name: "zen_lead_leader_changes_total",
	Help: "Changes of pool Leases written by this process: elected (a member leads), released (nobody does).",
}, []string{"change"})

func moveOf(p Plan) string {
	if p.Record.Held() {
		return "elected"
	}
	return "released"
}

package locks

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var conflicts = promauto.With(metrics.Registry).NewCounter(prometheus.CounterOpts{
	Name: "zen_lead_lock_conflicts_total", Help: "Writes of a lock that were decided on a version which was not the newest any more.",
})

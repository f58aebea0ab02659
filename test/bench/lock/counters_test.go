package lock

import (
	"strings"
	"testing"
)

func TestCountersOfTheAPIServer(t *testing.T) {
	const metrics = `# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.kube-zen.io",resource="manuallocks",scope="resource",subresource="status",verb="PUT",version="v1alpha1"} 1.2e+06
apiserver_request_total{code="409",component="apiserver",dry_run="",group="coordination.kube-zen.io",resource="manuallocks",scope="resource",subresource="status",verb="PUT",version="v1alpha1"} 3
apiserver_request_total{code="201",component="apiserver",dry_run="",group="coordination.kube-zen.io",resource="manuallocks",scope="resource",subresource="",verb="POST",version="v1alpha1"} 4
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 50
apiserver_request_total{code="409",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 60
apiserver_request_total{code="201",component="apiserver",dry_run="",group="authentication.k8s.io",resource="tokenreviews",scope="resource",subresource="",verb="POST",version="v1"} 700
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.kube-zen.io",resource="manuallocks",scope="cluster",subresource="",verb="WATCH",version="v1alpha1"} 8000
apiserver_request_terminations_total{code="200",resource="manuallocks",verb="PUT"} 9
`
	got, err := parseCounters(strings.NewReader(metrics))
	if err != nil {
		t.Fatal(err)
	}
	if want := (counters{writes: 1_200_004, conflicts: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

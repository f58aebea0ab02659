package api

import "testing"

func TestWaitsAreThoseOfAccountsThatAreNotExempt(t *testing.T) {
	got, err := parseWaits([]byte(`# TYPE apiserver_flowcontrol_rejected_requests_total counter
apiserver_flowcontrol_rejected_requests_total{flow_schema="service-accounts",priority_level="workload-low",reason="queue-full"} 3
apiserver_flowcontrol_rejected_requests_total{flow_schema="service-accounts",priority_level="workload-low",reason="time-out"} 4
apiserver_flowcontrol_rejected_requests_total{flow_schema="zen-lead",priority_level="zen-lead",reason="time-out"} 100
apiserver_flowcontrol_dispatched_requests_total{flow_schema="service-accounts",priority_level="workload-low"} 1.2e+06
apiserver_flowcontrol_dispatched_requests_total{flow_schema="bench-callers",priority_level="exempt"} 9
apiserver_flowcontrol_request_wait_duration_seconds_sum{execute="true",flow_schema="service-accounts",priority_level="workload-low"} 1.5
apiserver_storage_objects{resource="leases"} 7
`))
	if want := (waits{refused: 7, passed: 1_200_000}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, want := got.since(waits{2, 200_000}), (waits{5, 1_000_000}); got != want {
		t.Errorf("since: %+v, want %+v", got, want)
	}
}

func TestACountThatIsNoNumberIsAnError(t *testing.T) {
	if _, err := parseWaits([]byte(`apiserver_flowcontrol_rejected_requests_total{flow_schema="service-accounts"} many`)); err == nil {
		t.Error("no error")
	}
}

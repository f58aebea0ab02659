package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	began    = `{"auditID":"w","stage":"ResponseStarted","verb":"watch","userAgent":"zen-lead/v1","objectRef":{"resource":"pods","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T10:00:00.000001Z"}`
	ended    = `{"auditID":"w","stage":"ResponseComplete","verb":"watch","userAgent":"zen-lead/v1","objectRef":{"resource":"pods","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T10:00:00.000001Z"}`
	put      = `{"auditID":"a","stage":"ResponseComplete","verb":"update","userAgent":"zen-lead/v1","objectRef":{"resource":"leases","namespace":"n","name":"web","apiGroup":"coordination.k8s.io"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T10:00:01Z"}`
	conflict = `{"auditID":"b","stage":"ResponseComplete","verb":"update","userAgent":"zen-lead/v1","objectRef":{"resource":"leaderpolicies","subresource":"status","namespace":"n","name":"web"},"responseStatus":{"status":"Failure","code":409},"requestReceivedTimestamp":"2026-01-01T10:00:02Z"}`
	event    = `{"auditID":"c","stage":"ResponseComplete","verb":"create","userAgent":"zen-lead/v1","objectRef":{"resource":"events","apiGroup":"events.k8s.io"},"responseStatus":{"code":201},"requestReceivedTimestamp":"2026-01-01T10:00:03Z"}`
	health   = `{"auditID":"d","stage":"ResponseComplete","verb":"get","userAgent":"kubectl","requestURI":"/readyz","responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-01T10:00:04Z"}`
)

func parse(t *testing.T, log string) (found []Request) {
	t.Helper()
	if err := Parse(strings.NewReader(log), func(r *Request) { found = append(found, *r) }); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEachFinishedRequestCountsOnce(t *testing.T) {
	found := parse(t, strings.Join([]string{began, put, conflict, event, health, ended, ""}, "\n"))
	if len(found) != 5 {
		t.Fatalf("%d requests, want 5: a watch that begins is not finished", len(found))
	}
	for i, want := range []struct {
		kind                      string
		write, succeeded, isEvent bool
	}{
		{"update leases", true, true, false},
		{"update leaderpolicies/status", true, false, false},
		{"create events", true, true, true},
		{"get other", false, true, false},
		{"watch pods", false, true, false},
	} {
		r := found[i]
		if r.Kind() != want.kind || r.IsWrite() != want.write || r.Succeeded() != want.succeeded || r.IsEvent() != want.isEvent {
			t.Errorf("request %d: got %q write=%v succeeded=%v event=%v, want %+v", i, r.Kind(), r.IsWrite(), r.Succeeded(), r.IsEvent(), want)
		}
	}
}

func TestAReviewIsNoWrite(t *testing.T) {
	r := Request{Verb: "create", ObjectRef: ObjectRef{Group: "authentication.k8s.io", Resource: "tokenreviews"}}
	if r.IsWrite() {
		t.Error("a review changes nothing")
	}
}

func TestALineThatIsStillBeingWrittenIsLeftOut(t *testing.T) {
	if found := parse(t, put+"\n"+conflict[:80]); len(found) != 1 {
		t.Errorf("%d requests, want 1", len(found))
	}
}

func TestABrokenLineIsAnError(t *testing.T) {
	err := Parse(strings.NewReader(put+"\nnonsense\n"), func(*Request) {})
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want an error that names line 2", err)
	}
}

func TestReadTakesTheRequestsOfAWindow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log := strings.Join([]string{began, put, conflict, event, ended, ""}, "\n")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	ten := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	found, err := Read(path, ten.Add(time.Second), ten.Add(3*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].ID != "a" || found[1].ID != "b" {
		t.Errorf("got %v, want a and b: the first moment belongs to the window and the last does not", found)
	}
}

func TestCountTellsEventsAndFailuresApart(t *testing.T) {
	c := CountOf(parse(t, strings.Join([]string{put, put, conflict, event, health, ended, ""}, "\n")), "zen-lead/")
	if c.Requests != 5 || c.Writes != 2 || c.Failed != 1 || c.Events != 1 {
		t.Errorf("got %+v, want 5 requests: 2 writes, 1 that failed, 1 event, 1 watch, and nothing of kubectl", c)
	}
	if c.Kinds["update leases"] != 2 || c.Kinds["update leaderpolicies/status (409)"] != 1 {
		t.Errorf("got %v", c.Kinds)
	}
}

func TestCountsOfTwoTimesAreAddedUp(t *testing.T) {
	sum := Count{Kinds: map[string]int{}}
	sum.Merge(Count{Requests: 3, Writes: 2, Failed: 1, Kinds: map[string]int{"update leases": 2, "patch pods (404)": 1}})
	sum.Merge(Count{Requests: 2, Writes: 1, Events: 1, Kinds: map[string]int{"update leases": 1, "create events": 1}})
	if sum.Requests != 5 || sum.Writes != 3 || sum.Failed != 1 || sum.Events != 1 || sum.Kinds["update leases"] != 3 || len(sum.Kinds) != 3 {
		t.Errorf("got %+v", sum)
	}
}

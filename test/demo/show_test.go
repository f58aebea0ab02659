package demo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/test/bench/audit"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	err := writeTable(&out, []result{
		{what: "pod deleted", from: "web-a", to: "web-b", took: 23400 * time.Microsecond, writes: &writes{by: map[string]int{"leases": 1, "pods": 11}}},
		{what: "controller killed", from: "web-b", to: "web-c", took: 1201 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `WHAT                FROM    TO         MS   API WRITES
pod deleted         web-a   web-b      23           12
controller killed   web-b   web-c    1201            -

API writes are counted in the API server's audit log, which the demo cannot read here.
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestWritesAreThoseOfZenLead(t *testing.T) {
	request := func(agent, verb, resource, subresource string, code int) audit.Request {
		return audit.Request{
			UserAgent: agent, Verb: verb, ObjectRef: audit.ObjectRef{Resource: resource, Subresource: subresource}, Response: audit.Response{Code: code},
		}
	}
	w := countWrites([]audit.Request{
		request("zen-lead/v1", "update", "leases", "", 409),
		request("zen-lead/v1", "update", "leases", "", 200),
		request("zen-lead/v1", "patch", "pods", "", 200),
		request("zen-lead/v1", "update", "leaderpolicies", "status", 200),
		request("zen-lead/v1", "create", "events", "", 201),
		request("zen-lead/v1", "get", "leases", "", 200),
		request("zen-lead/v1", "watch", "pods", "", 200),
		request("kubectl/v1", "patch", "pods", "status", 200),
		{UserAgent: "zen-lead/v1", Verb: "update", ObjectRef: audit.ObjectRef{Resource: "leases", Namespace: "zen-lead-system"}, Response: audit.Response{Code: 200}},
	})
	if want := "4 (leaderpolicies/status 1, leases 2, pods 1), 1 of them refused; events told: 1"; w.String() != want {
		t.Errorf("got %q, want %q", w, want)
	}
}

func TestConsent(t *testing.T) {
	here := pinned{context: "prod", server: "https://prod.example"}
	for name, c := range map[string]struct {
		answer, want string
	}{
		"the context's name":                      {answer: "prod\n"},
		"the context's name, without end of line": {answer: "prod"},
		"another name":                            {answer: "yes\n", want: `"yes" is not the name`},
		"an empty line":                           {answer: "\n", want: `"" is not the name`},
		"nobody there to answer":                  {answer: "", want: "nothing was answered"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := askConsent(strings.NewReader(c.answer), &out, here, "zen-lead-demo-x")
			if !strings.Contains(out.String(), "prod") || !strings.Contains(out.String(), here.server) {
				t.Errorf("context and server are not shown: %s", out.String())
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, ErrNoConsent) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

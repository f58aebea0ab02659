package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// call sends a request by HTTP with token "good", unless it has another.
func (r *rig) call(t *testing.T, method, path, body string, headers ...string) (reply, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, r.https+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer good")
	for i := 0; i < len(headers); i += 2 {
		if q.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			q.Header.Del(headers[i])
		}
	}
	a, err := r.client(t).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{Status: a.Status, StatusCode: a.StatusCode, Header: a.Header}, string(b)
}

// reply is an answer without its body.
type reply struct {
	Status     string
	StatusCode int
	Header     http.Header
}

func TestTheBodyOfWhoLeads(t *testing.T) {
	r := newRig(t)
	a, body := r.call(t, "GET", "/v1/leader/pool/web", "")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %v", a.Status, body, err)
	}
	if age, ok := got["ageMs"].(float64); !ok || age < 0 || age > 5000 {
		t.Errorf("ageMs is %v", got["ageMs"])
	}
	delete(got, "ageMs")
	want := map[string]any{
		"pool": "web", "namespace": "default", "term": 5.0, "since": time.Unix(5, 0).UTC().Format(time.RFC3339Nano), "guarantee": "Advisory",
		"leader": map[string]any{"name": "a", "uid": "a-uid", "ip": "", "node": ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("body is %v, want %v", got, want)
	}
	if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("ETag") != `"`+r.revision()+`"` || a.Header.Get("Warning") != "" {
		t.Errorf("headers are %v", a.Header)
	}
}

func TestTermsAreExactNumbers(t *testing.T) {
	r := newRig(t)
	const largest = 1<<53 - 1
	r.leads("", largest)
	_, body := r.call(t, "GET", "/v1/leader/pool/web", "")
	if !strings.Contains(body, `"term":9007199254740991,`) || !strings.Contains(body, `"leader":null,`) {
		t.Errorf("body is %s", body)
	}
	var asFloat struct{ Term float64 }
	if err := json.Unmarshal([]byte(body), &asFloat); err != nil || int64(asFloat.Term) != largest {
		t.Errorf("as JavaScript reads it the term is %v, %v", int64(asFloat.Term), err)
	}
}

func TestAnAnswerThatIsKnown(t *testing.T) {
	r := newRig(t)
	tag := `"` + r.revision() + `"`
	a, body := r.call(t, "GET", "/v1/leader/pool/web", "", "If-None-Match", tag)
	if a.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("%s: %q", a.Status, body)
	}
	r.leads("b", 6)
	if a, body = r.call(t, "GET", "/v1/leader/pool/web", "", "If-None-Match", tag); a.StatusCode != http.StatusOK || !strings.Contains(body, `"name":"b"`) {
		t.Errorf("%s: %q", a.Status, body)
	}
}

// The pod of a leader goes without that its policy changes.
func TestAnAnswerThatIsKnownOfAPodWithAnotherAddress(t *testing.T) {
	r := newRig(t)
	r.hasPod("10.0.0.1")
	a, body := r.call(t, "GET", "/v1/leader/pool/web", "")
	if !strings.Contains(body, `"ip":"10.0.0.1"`) {
		t.Fatalf("%s: %s", a.Status, body)
	}
	r.hasPod("10.0.0.2")
	if a, body = r.call(t, "GET", "/v1/leader/pool/web", "", "If-None-Match", a.Header.Get("ETag")); a.StatusCode != http.StatusOK || !strings.Contains(body, `"ip":"10.0.0.2"`) {
		t.Errorf("%s: %s", a.Status, body)
	}
}

func TestAnAnswerThatIsOld(t *testing.T) {
	r := newRig(t)
	r.s.heard = func() time.Time { return time.Now().Add(-100 * time.Second) }
	for _, path := range []string{"/v1/leader/pool/web", "/v1/pools"} {
		a, body := r.call(t, "GET", path, "")
		if a.Header.Get("Warning") != `110 - "Response is Stale"` || !strings.Contains(body, `"ageMs":99`) {
			t.Errorf("%s: %v: %s", path, a.Header, body)
		}
	}
}

func TestWhatIsNoSuccess(t *testing.T) {
	r := newRig(t)
	for name, tc := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		reason             string
		says               string
	}{
		"a pool that there is not":           {"GET", "/v1/leader/pool/api", "", nil, 404, "UnknownPool", `"api" in namespace "default"`},
		"a pool that is in another one":      {"GET", "/v1/leader/pool/web?namespace=shop", "", nil, 404, "UnknownPool", "shop"},
		"a name that no pool has":            {"GET", "/v1/leader/pool/Web_1", "", nil, 400, "InvalidArgument", "pool: "},
		"a name with a slash in it":          {"GET", "/v1/leader/pool/" + url.PathEscape("../x"), "", nil, 404, "NotFound", ""},
		"a namespace that there cannot be":   {"GET", "/v1/leader/pool/web?namespace=A%20b", "", nil, 400, "InvalidArgument", "namespace: "},
		"a parameter that there is not":      {"GET", "/v1/leader/pool/web?namspace=shop", "", nil, 400, "InvalidArgument", "namspace"},
		"a parameter that is given twice":    {"GET", "/v1/leader/pool/web?namespace=a&namespace=b", "", nil, 400, "InvalidArgument", "namespace"},
		"a query that is malformed":          {"GET", "/v1/leader/pool/web?namespace=shop%2", "", nil, 400, "InvalidArgument", "malformed"},
		"a query of another age":             {"GET", "/v1/leader/pool/web?namespace=shop;x=1", "", nil, 400, "InvalidArgument", "malformed"},
		"a list of a malformed query":        {"GET", "/v1/pools?namespace=shop%2", "", nil, 400, "InvalidArgument", ""},
		"a watch of a malformed query":       {"GET", "/v1/leader/pool/web/watch?namespace=shop%2", "", nil, 400, "InvalidArgument", "malformed"},
		"a pool in path and query":           {"GET", "/v1/leader/pool/web?pool=api", "", nil, 400, "InvalidArgument", "pool"},
		"a consistency that there is not":    {"GET", "/v1/leader/pool/web?consistency=eventual", "", nil, 400, "InvalidArgument", "consistency: "},
		"a term that is no number":           {"GET", "/v1/leader/pool/web?minTerm=x", "", nil, 400, "InvalidArgument", "min_term"},
		"a negative term":                    {"GET", "/v1/leader/pool/web?minTerm=-1", "", nil, 400, "InvalidArgument", "minTerm"},
		"a page of nothing":                  {"GET", "/v1/pools?pageToken=x", "", nil, 400, "InvalidArgument", "pageToken"},
		"a page that is too large":           {"GET", "/v1/pools?pageSize=501", "", nil, 400, "InvalidArgument", "pageSize"},
		"a watch of a pool that there isnt":  {"GET", "/v1/leader/pool/api/watch", "", nil, 404, "UnknownPool", "api"},
		"a watch from nowhere":               {"GET", "/v1/leader/pool/web/watch", "", []string{"Last-Event-ID", "x"}, 400, "InvalidArgument", "resume: "},
		"a watch with a parameter too many":  {"GET", "/v1/leader/pool/web/watch?x=1", "", nil, 400, "InvalidArgument", `"x"`},
		"no token":                           {"GET", "/v1/leader/pool/web", "", []string{"Authorization", ""}, 401, "Unauthenticated", "--audience zen-lead"},
		"a token that is not valid":          {"GET", "/v1/leader/pool/web", "", []string{"Authorization", "Bearer bad"}, 401, "Unauthenticated", "expired"},
		"no bearer's token":                  {"GET", "/v1/leader/pool/web", "", []string{"Authorization", "Basic Z29vZA=="}, 401, "Unauthenticated", "token"},
		"no token, for a watch":              {"GET", "/v1/leader/pool/web/watch", "", []string{"Authorization", ""}, 401, "Unauthenticated", "token"},
		"no token, for a pool there is not":  {"GET", "/v1/leader/pool/api", "", []string{"Authorization", ""}, 401, "Unauthenticated", "token"},
		"nothing there":                      {"GET", "/v2/leader", "", nil, 404, "NotFound", "/openapi.json"},
		"a method that there is not":         {"DELETE", "/v1/leader/pool/web", "", nil, 405, "MethodNotAllowed", "DELETE"},
		"a move to nobody":                   {"POST", "/v1/leader/pool/web/handover", "{}", nil, 400, "InvalidArgument", "to: "},
		"a move without a body":              {"POST", "/v1/leader/pool/web/handover", "", nil, 400, "InvalidArgument", "to: "},
		"a move to what is no pod":           {"POST", "/v1/leader/pool/web/handover", `{"to":"A b"}`, nil, 400, "InvalidArgument", "to: "},
		"a body with a field too many":       {"POST", "/v1/leader/pool/web/handover", `{"to":"b","force":true}`, nil, 400, "InvalidArgument", "force"},
		"a body that is none":                {"POST", "/v1/leader/pool/web/handover", `{"to`, nil, 400, "InvalidArgument", ""},
		"a body that is too long":            {"POST", "/v1/leader/pool/web/handover", `{"to":"` + strings.Repeat("b", 70000) + `"}`, nil, 400, "InvalidArgument", "too large"},
		"a move of a pool that there is not": {"POST", "/v1/leader/pool/api/handover", `{"to":"b"}`, nil, 404, "UnknownPool", "api"},
		"a body in place of a query":         {"POST", "/v1/leader/pool/web/handover", `to=b`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, "InvalidArgument", ""},
		"another method in a header":         {"POST", "/v1/leader/pool/web", "namespace=default", []string{"Content-Type", "application/x-www-form-urlencoded", "X-HTTP-Method-Override", "GET"}, 405, "MethodNotAllowed", "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			a, body := r.call(t, tc.method, tc.path, tc.body, tc.headers...)
			var got struct {
				Error struct{ Reason, Message string }
			}
			err := json.Unmarshal([]byte(body), &got)
			if err != nil || a.StatusCode != tc.status || got.Error.Reason != tc.reason || !strings.Contains(got.Error.Message, tc.says) {
				t.Errorf("%s %s, want %d %s %q: %v", a.Status, body, tc.status, tc.reason, tc.says, err)
			}
			if strings.Contains(body, "good") {
				t.Errorf("the token is told: %s", body)
			}
		})
	}
}

func TestHeadersThatAreTooLong(t *testing.T) {
	r := newRig(t)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.https+"/v1/leader/pool/web", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer good"+strings.Repeat("x", 1<<20))
	a, err := r.client(t).Do(q)
	if err != nil {
		return // cut off: as good
	}
	if _ = a.Body.Close(); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(a.Status)
	}
}

func TestAPageOfAnotherOrigin(t *testing.T) {
	r := newRig(t)
	a, _ := r.call(t, "OPTIONS", "/v1/leader/pool/web", "", "Authorization", "", "Origin", "https://dashboard.example",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
	if h := a.Header; h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != "authorization" || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%s: %v", a.Status, h)
	}
}

func TestTheDescriptionIsServed(t *testing.T) {
	r := newRig(t)
	a, body := r.call(t, "GET", "/openapi.json", "", "Authorization", "")
	if a.StatusCode != http.StatusOK || body != string(openAPI) {
		t.Errorf("%s: %.100s", a.Status, body)
	}
}

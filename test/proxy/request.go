package proxy

import (
	"bytes"
	"net/http"
	"strings"
)

// Request is what a request asks of the API server.
type Request struct {
	Method string
	// Resource is for example "pods", "leases" or "leaderpolicies/status".
	Resource string
	// Namespace and Name are those of the path: a POST has no name.
	Namespace, Name string
	// Watch: it is a watch.
	Watch bool
	// Body is JSON or protobuf; nil for GET.
	Body []byte
}

// Match selects requests. An empty field selects all.
type Match struct {
	Method, Resource, Namespace, Name string
	// Contains is part of the body: names and values stand in protobuf as they are.
	Contains string
	// Watch selects watches alone.
	Watch bool
}

func (m Match) matches(r Request) bool {
	fits := func(want, is string) bool { return want == "" || want == is }
	return fits(m.Method, r.Method) && fits(m.Resource, r.Resource) && fits(m.Namespace, r.Namespace) && fits(m.Name, r.Name) && (r.Watch || !m.Watch) &&
		bytes.Contains(r.Body, []byte(m.Contains))
}

// parse reads a path of the API: /api/v1/... or /apis/GROUP/VERSION/..., then [namespaces/NAMESPACE/]RESOURCE[/NAME[/SUBRESOURCE]].
func parse(r *http.Request, body []byte) Request {
	q := Request{Method: r.Method, Body: body, Watch: r.URL.Query().Get("watch") != ""}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return q // discovery, health
	}
	if len(parts) > 2 && parts[0] == "namespaces" {
		q.Namespace, parts = parts[1], parts[2:]
	}
	q.Resource = parts[0]
	if len(parts) > 1 {
		q.Name = parts[1]
	}
	if len(parts) > 2 {
		q.Resource += "/" + parts[2]
	}
	return q
}

package kube

import (
	"net/http"
	"strings"
)

// target is what a request is about, as far as its path tells. It is zero for a path that is no resource's.
type target struct{ group, resource, name, subresource string }

// targetOf reads a path: [root]/api/v1/… or [root]/apis/<group>/<version>/….
func targetOf(root, path string) (t target) {
	path = strings.TrimPrefix(path, strings.TrimSuffix(root, "/"))
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		t.group, parts = parts[1], parts[3:]
	default:
		return target{}
	}
	// A namespace is an object, too, with subresources of its own.
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		parts = parts[2:]
	}
	parts = append(parts, "", "")
	t.resource, t.name, t.subresource = parts[0], parts[1], parts[2]
	return t
}

// reads says whether a request changes nothing.
func (t target) reads(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return !t.connects()
	case http.MethodPost:
		return t.group == "authentication.k8s.io" || t.group == "authorization.k8s.io"
	default:
		return false
	}
}

// connects says whether commands are sent over what begins as a read, where it is a websocket.
func (t target) connects() bool {
	if t.group != "" || t.resource != "pods" {
		return false
	}
	return t.subresource == "exec" || t.subresource == "attach" || t.subresource == "portforward"
}

// takesAnnotations says whether a write's body is the object, or a patch of it.
func (t target) takesAnnotations(method string) bool {
	switch method {
	case http.MethodPost:
		return t.resource != "" && t.subresource == ""
	case http.MethodPut, http.MethodPatch:
		return t.resource != "" && (t.subresource == "" || t.subresource == "status")
	default:
		return false
	}
}

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/user"
)

// Whatever is sent, the answer is a success or says what was wrong, and nothing is done that was not asked for.
func FuzzHTTP(f *testing.F) {
	r := newQuietRig()
	r.judge.denied["update"] = true
	r.s.sendWithin = time.Second
	h, err := r.s.handler(f.Context(), openAPI)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][4]string{
		{"GET", "/v1/leader/pool/web", "namespace=default&minTerm=3", ""},
		{"GET", "/v1/leader/pool/web", "namespace[]=a&consistency=cached", ""},
		{"GET", "/v1/leader/pool/%2e%2e/web", "", ""},
		{"GET", "/v1/leader/pool/web/watch", "resume=5-105", ""},
		{"GET", "/v1/pools", "pageSize=1&pageToken=a/b", ""},
		{"POST", "/v1/leader/pool/web/handover", "namespace=default", `{"to":"b"}`},
		{"POST", "/v1/leader/pool/web/handover", "move.to=b", `{"to":{}}`},
		{"PUT", "/v1/leader/pool/web:watch", "%zz", "\x00"},
		{"HEAD", "//", "a;b", ""},
		{"OPTIONS", "/openapi.json", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		q := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader(body))
		q.Method, q.URL = method, &url.URL{Path: path, RawQuery: query}
		q.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, q)
		a := w.Result()
		_ = a.Body.Close()
		switch {
		case a.StatusCode < 300:
			return
		case a.StatusCode >= 400 && a.StatusCode < 500 || a.StatusCode == http.StatusServiceUnavailable:
		default:
			t.Fatalf("%s: %s", a.Status, w.Body)
		}
		var said errorBody
		if err := json.Unmarshal(w.Body.Bytes(), &said); method != http.MethodHead && (err != nil || said.Error.Reason == "" || said.Error.Message == "") {
			t.Fatalf("%s does not say why: %q: %v", a.Status, w.Body, err)
		}
	})
}

func FuzzRevision(f *testing.F) {
	f.Add("5-105")
	f.Add("-")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRevision(s)
		if err != nil || s == "" {
			return
		}
		if again, err := parseRevision(formatRevision(r)); err != nil || again != r {
			t.Errorf("%q is %v, and written and read again %v, %v", s, r, again, err)
		}
	})
}

// A grant is remembered by what who authenticates reads of a header: else whoever writes the same in many ways fills the memory.
func FuzzTokenOf(f *testing.F) {
	read := bearertoken.New(authenticator.TokenFunc(func(_ context.Context, token string) (*authenticator.Response, bool, error) {
		return &authenticator.Response{User: &user.DefaultInfo{Name: token}}, true, nil
	}))
	for _, seed := range []string{
		"", "Bearer good", "bearer good", "BEARER good", " Bearer good ", "Bearer good more", "Bearer  good", "Bearer", "Bearer ", "Bearer\tgood", "Basic Z29vZA==", "Basic 2", "good",
		"\tBearer good\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		want := ""
		q := &http.Request{Header: http.Header{"Authorization": {header}}}
		if who, ok, err := read.AuthenticateRequest(q); ok && err == nil {
			want = who.User.GetName()
		}
		if got := tokenOf(header); got != want {
			t.Errorf("%q bears %q, want %q", header, got, want)
		}
	})
}

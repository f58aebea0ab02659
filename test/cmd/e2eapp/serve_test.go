package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTermAndRoleAreReadAtEachRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "annotations")
	a := app{pod: "web-1", uid: "u-1", annotations: file}
	for _, c := range []struct{ content, term, role string }{
		{"kubernetes.io/config.seen=\"now\"\nzen-lead/role=\"leader\"\nzen-lead/term=\"440\"\n", "440", "leader"},
		{"zen-lead/role=\"follower\"\nzen-lead/term=\"441\"\n", "441", "follower"},
		{"note=\"two\\nlines with = and \\\"quotes\\\"\"\n", "", ""},
		{"", "", ""},
	} {
		if err := os.WriteFile(file, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		got := identify(t, a)
		if got.Pod != "web-1" || got.UID != "u-1" || got.Term != c.term || got.Role != c.role {
			t.Errorf("with %q: %+v, want pod web-1, uid u-1, term %q, role %q", c.content, got, c.term, c.role)
		}
		if got.Time.Before(before) || got.Time.After(time.Now()) {
			t.Errorf("answered at %s, asked at %s", got.Time, before)
		}
	}
}

func TestAPodWithoutTheVolumeAnswers(t *testing.T) {
	if got := identify(t, app{pod: "web-1", annotations: filepath.Join(t.TempDir(), "none")}); got.Pod != "web-1" || got.Term != "" {
		t.Errorf("%+v, want pod web-1 without term", got)
	}
}

func TestAnnotationsThatCannotBeReadAreAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "annotations")
	if err := os.WriteFile(file, []byte("zen-lead/term=440\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if w := do(app{annotations: file}, http.MethodGet, "/"); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
}

func TestPathsAndMethods(t *testing.T) {
	exited := 0
	a := app{mostMemory: 2 * memoryStep, exit: func(status int) { exited = status }}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/readyz", http.StatusOK},
		{http.MethodGet, "/other", http.StatusNotFound},
		{http.MethodGet, "/exit", http.StatusMethodNotAllowed},
		{http.MethodGet, "/exhaust", http.StatusMethodNotAllowed},
		{http.MethodPost, "/exhaust", http.StatusInsufficientStorage}, // nobody kills it here
	} {
		if w := do(a, c.method, c.path); w.Code != c.want {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.want)
		}
	}
	if exited != 0 {
		t.Error("a GET ended the process")
	}
	do(a, http.MethodPost, "/exit")
	if exited != 1 {
		t.Errorf("POST /exit: status %d, want 1", exited)
	}
}

// What was asked before the signal is answered; nobody new is let in; then serve returns.
func TestAGracefulStopAnswersWhatWasAsked(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, goOn := make(chan struct{}), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- serve(ctx, listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(asked)
			<-goOn
		}))
	}()
	answered := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			err = response.Body.Close()
		}
		answered <- err
	}()
	<-asked
	stop()
	awaitRefusal(t, listener.Addr().String())
	select {
	case err := <-served:
		t.Fatalf("serve returned with a request under way: %v", err)
	default:
	}
	close(goOn)
	if err := <-answered; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		connection.Close()
	}
	t.Fatal("connections are still taken 5 s after the stop")
}

func identify(t *testing.T, a app) identity {
	t.Helper()
	w := do(a, http.MethodGet, "/")
	var got identity
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %q: %v", w.Code, w.Body, err)
	}
	return got
}

func do(a app, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

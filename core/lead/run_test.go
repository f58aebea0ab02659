package lead

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// A program that calls Run again and again would end with thousands of them.
func TestNoConnectionIsLeftWhenRunHasReturned(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	states := make(chan http.ConnState, 1000)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) { states <- state }
	s.Start()
	defer s.Close()
	open, answered := 0, 0
	next := func() {
		select {
		case state := <-states:
			switch state {
			case http.StateNew:
				open++
			case http.StateIdle:
				answered++
			case http.StateClosed:
				open--
			default:
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%d connections are open", open)
		}
	}
	for range 5 { // a request that is under way when Run returns takes its connection with it
		ctx, cancel := context.WithCancel(t.Context())
		returned := make(chan error, 1)
		go func() {
			returned <- Run(ctx, "web", func(context.Context, Term) error { return nil },
				WithConfig(&rest.Config{Host: s.URL}), WithNamespace("default"))
		}()
		for answered = 0; answered < 2; {
			next()
		}
		cancel()
		if err := <-returned; !errors.Is(err, ErrReleased) {
			t.Errorf("Run returns %v", err)
		}
	}
	for open > 0 {
		next()
	}
}

func TestThePoolIsInTheNamespaceThatTheProcessIsToldToBeIn(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "told")
	for name, tc := range map[string]struct {
		opts []Option
		want string
	}{
		"by its environment": {[]Option{WithConfig(&rest.Config{})}, "told"},
		"by its program":     {[]Option{WithConfig(&rest.Config{}), WithNamespace("named")}, "named"},
	} {
		t.Run(name, func(t *testing.T) {
			if o, err := complete(tc.opts); err != nil || o.namespace != tc.want {
				t.Errorf("namespace %q, %v, want %q", o.namespace, err, tc.want)
			}
		})
	}
}

func TestAServerThatIsAwayIsToldOfOnce(t *testing.T) {
	var out strings.Builder
	tell := newTeller(slog.New(slog.NewTextHandler(&out, nil)), nil, "n")
	for _, path := range []string{"/leases?timeout=8m4s", "/leases?timeout=9m", "/leaderpolicies?timeout=8m"} {
		tell.failed(fmt.Errorf("watch: %w", &url.Error{Op: "Get", URL: "https://10.0.0.1:443" + path, Err: syscall.ECONNREFUSED}))
	}
	if said := out.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "https://10.0.0.1:443") {
		t.Errorf("told:\n%s", said)
	}
}

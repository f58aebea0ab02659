package lead

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
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

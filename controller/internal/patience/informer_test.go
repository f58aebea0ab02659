package patience

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	errAway      = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)
	errForbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no roles yet"))
	errExpired   = apierrors.NewResourceExpired("too old")
)

// server fails with err until it has been tried for so long.
func server(err error, until time.Duration) func() (string, error) {
	start := time.Now()
	return func() (string, error) {
		if time.Since(start) < until {
			return "", err
		}
		return "watch", nil
	}
}

func TestPatience(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		until time.Duration
		// want is the error that the caller sees; nil means that it gets its watch at most 1.5 s after the server is back.
		want error
	}{
		"an API server that answers is asked once":                {nil, 0, nil},
		"one that is away for an hour is noticed when it is back": {errAway, time.Hour, nil},
		"one that has just started may refuse":                    {errForbidden, 5 * time.Second, nil},
		"one that goes on refusing means it":                      {errForbidden, time.Hour, errForbidden},
		"a version that is too old is the caller's affair":        {errExpired, time.Hour, errExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := patiently(t.Context(), server(tc.err, tc.until))
				if !errors.Is(err, tc.want) {
					t.Fatalf("error %v, want %v", err, tc.want)
				}
				if late := time.Since(start) - tc.until; tc.want == nil && late > 1500*time.Millisecond {
					t.Errorf("%v late", late)
				}
			})
		})
	}
}

func TestPatienceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := patiently(ctx, server(errAway, time.Hour)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v", err)
		}
	})
}

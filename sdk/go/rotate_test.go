package zenlead

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func answersWeb(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
	return &zenleadv1.GetLeaderResponse{State: led("web-0", 440)}, nil
}

// door admits one token, and notes all.
type door struct {
	mu      sync.Mutex
	key     string
	offered []string
}

func (d *door) admit(token string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offered = append(d.offered, token)
	if token != d.key {
		return testserver.Error("Unauthenticated", "another token, please")
	}
	return nil
}

func (d *door) change(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.key = key
}

func TestATokenIsReadAnewForEachCall(t *testing.T) {
	var d *door
	each(t, func(*testing.T) testserver.Answers {
		d = &door{key: "first"}
		return testserver.Answers{Leader: answersWeb, Admit: d.admit}
	}, func(w *world) {
		if _, err := w.client.Leader(w.Context(), "web"); err != nil {
			w.Fatal(err)
		}
		d.change("second")
		_, err := w.client.Leader(w.Context(), "web")
		if !errors.Is(err, ErrUnauthenticated) {
			w.Errorf("with the old token: %v", err)
		}
		if strings.Contains(err.Error(), "first") {
			w.Errorf("the error tells the token: %v", err)
		}
		w.write(w.token, []byte("  second\n"))
		if _, err := w.client.Leader(w.Context(), "web"); err != nil {
			w.Errorf("with the new token: %v", err)
		}
	})
}

func TestAWatchOutlivesItsToken(t *testing.T) {
	var d *door
	each(t, func(*testing.T) testserver.Answers {
		d = &door{key: "first"}
		return testserver.Answers{
			Admit: d.admit,
			Watch: (&play{scenes: []scene{after(time.Minute, sends(nil), event(led("a", 1), "r1")), beats(event(led("b", 2), "r2"))}}).watch,
		}
	}, func(w *world) {
		// The kubelet is late: the server takes the old token no longer, and the new one is there only
		// after the first try.
		time.AfterFunc(59*time.Second, func() { d.change("second") })
		time.AfterFunc(60*time.Second+120*time.Millisecond, func() { w.write(w.token, []byte("second")) })
		got, err := w.watched(2 * time.Minute)
		if err != nil || strings.Join(got, ", ") != "a in 1, b in 2" {
			w.Errorf("got %q, %v", got, err)
		}
	})
}

func TestWhichTokenIsPresented(t *testing.T) {
	for name, test := range map[string]struct {
		opts func(*world) []Option
		want string
	}{
		"none if there is none":   {func(*world) []Option { return nil }, ""},
		"the one that was given":  {func(*world) []Option { return []Option{WithToken("given")} }, "given"},
		"the file's, given last":  {func(w *world) []Option { return []Option{WithToken("given"), WithTokenFile(w.token)} }, "first"},
		"the token's, given last": {func(w *world) []Option { return []Option{WithTokenFile(w.token), WithToken("given")} }, "given"},
	} {
		t.Run(name, func(t *testing.T) {
			var d *door
			each(t, func(*testing.T) testserver.Answers {
				d = &door{key: test.want}
				return testserver.Answers{Leader: answersWeb, Admit: d.admit}
			}, func(w *world) {
				if _, err := w.connect(append(test.opts(w), WithCAFile(w.ca))...).Leader(w.Context(), "web"); err != nil {
					w.Errorf("presented %q: %v", d.offered, err)
				}
			})
		})
	}
}

func TestANewAuthorityIsTrustedAndAnOldOneNoLonger(t *testing.T) {
	each(t, always(testserver.Answers{Leader: answersWeb}), func(w *world) {
		ask := func() error {
			_, err := w.client.Leader(w.Context(), "web")
			return err
		}
		if err := ask(); err != nil {
			w.Fatal(err)
		}
		if err := w.Rotate(); err != nil {
			w.Fatal(err)
		}
		if err := ask(); !errors.Is(err, ErrUnavailable) {
			w.Errorf("a server that only the new authority vouches for: %v", err)
		}
		w.write(w.ca, w.CA())
		<-time.After(longestDelay) // gRPC connects again by itself
		if err := ask(); err != nil {
			w.Errorf("with the new authority: %v", err)
		}
		w.write(w.ca, []byte("not a certificate"))
		w.Cut()
		if err := ask(); !errors.Is(err, ErrUnavailable) {
			w.Errorf("with no authority: %v", err)
		}
		if err := os.Remove(w.ca); err != nil {
			w.Fatal(err)
		}
		if err := ask(); !errors.Is(err, ErrUnavailable) {
			w.Errorf("without the file: %v", err)
		}
	})
}

func TestACertificateOfAnotherNameIsNotTrusted(t *testing.T) {
	each(t, always(testserver.Answers{Leader: answersWeb}), func(w *world) {
		w.target = strings.Replace(w.target, "zen-lead.test", "other.test", 1)
		if _, err := w.connect(WithCAFile(w.ca)).Leader(w.Context(), "web"); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "other.test") {
			w.Errorf("got %v", err)
		}
	})
}

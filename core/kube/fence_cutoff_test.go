package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/term"
)

// hang answers nothing until the client is gone.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// hangs writes to an API server that does not answer, and says after how long the write was cut off.
func hangs(t *testing.T, held *tenure, meanwhile func(*tenure)) time.Duration {
	t.Helper()
	a := newAPI(t, hang)
	began := time.Now()
	if meanwhile != nil {
		go meanwhile(held)
	}
	err := create(t.Context(), kubernetesOf(t, Fence(a.config, held)))
	if errors.Is(err, ErrNotSent) || !errors.Is(err, term.ErrUnknown) || !errors.Is(err, held.Err()) {
		t.Errorf("%v: it may have happened, and the term says %v", err, held.Err())
	}
	if !strings.Contains(err.Error(), "POST /api/v1/namespaces/default/configmaps: it was cut off at the end of the term, and may have happened or not: ") {
		t.Error(err)
	}
	if n := len(a.arrived()); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	return time.Since(began)
}

func TestAWriteThatHangsIsCutOffWhenTheTermMustHaveEnded(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*tenure)
		after     time.Duration
	}{
		"at the hard stop, and not at the end of the work": {after: 14 * time.Second},
		"later, once the term was renewed": {after: 19 * time.Second, meanwhile: func(held *tenure) {
			time.Sleep(5 * time.Second)
			held.change(func() { held.until = held.until.Add(5 * time.Second) })
		}},
		"sooner, once a renewal was sent that makes it shorter": {after: 6 * time.Second, meanwhile: func(held *tenure) {
			time.Sleep(5 * time.Second)
			held.change(func() { held.until, held.margin = time.Now(), time.Second })
		}},
		"at once when the term is released": {after: 5 * time.Second, meanwhile: func(held *tenure) {
			time.Sleep(5 * time.Second)
			held.change(func() { held.err, held.until, held.margin = term.ErrReleased, time.Now(), 0 })
		}},
		"within a second where no timer saw the time pass": {after: 6 * time.Second, meanwhile: func(held *tenure) {
			time.Sleep(5*time.Second + time.Millisecond)
			held.mu.Lock()
			held.until = time.Now().Add(-time.Hour) // as after the machine was suspended
			held.mu.Unlock()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if after := hangs(t, newTenure(), c.meanwhile); after != c.after {
					t.Errorf("it was cut off after %v, want %v", after, c.after)
				}
			})
		})
	}
}

func TestABodyIsNotSentOnAfterTheTermMustHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		received := make(chan error, 1)
		a := newAPI(t, func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			received <- err
		})
		client, err := rest.HTTPClientFor(Fence(a.config, newTenure()))
		if err != nil {
			t.Fatal(err)
		}
		slow, sends := io.Pipe()
		var sending sync.WaitGroup
		sending.Go(func() {
			for {
				if _, err := sends.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.example/api/v1/namespaces/default/configmaps", slow)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if took := time.Since(began); !errors.Is(err, term.ErrUnknown) || took < 14*time.Second || took > 15*time.Second { // the body is read once a second
			t.Errorf("after %v: %v", took, err)
		}
		if err := <-received; err == nil {
			t.Error("the API server took the body for whole")
		}
		sending.Wait()
	})
}

func TestAnAnswerThatHangsIsCutOffToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write([]byte(`{"kind":`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		began := time.Now()
		err := create(t.Context(), kubernetesOf(t, Fence(a.config, newTenure())))
		if took := time.Since(began); !errors.Is(err, term.ErrUnknown) || took != 14*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// A client writes for as long as its process lives.
func TestNothingFollowsATermForAWriteThatWasAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, held := newAPI(t, echo), newTenure()
		endless := context.WithoutCancel(t.Context())
		if err := create(endless, kubernetesOf(t, Fence(a.config, held))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before := held.asked
		time.Sleep(5 * time.Second)
		if held.asked != before {
			t.Errorf("it was asked %d times since", held.asked-before)
		}
		held.change(func() { held.until, held.margin = time.Now(), 0 }) // lets what follows end
	})
}

func TestAWriteThatItsSenderGivesUpIsNotSaidToBeCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, hang)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := create(ctx, kubernetesOf(t, Fence(a.config, newTenure())))
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, term.ErrUnknown) {
			t.Error(err)
		}
	})
}

func TestAWatchGoesOnAfterTheTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
			}
			_, _ = w.Write([]byte(`{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"settings"}}}` + "\n"))
		})
		w, err := kubernetesOf(t, Fence(a.config, newTenure())).CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		if _, ok := <-w.ResultChan(); !ok {
			t.Error("the watch ended")
		}
	})
}

// Whoever upgrades a connection writes to the answer's body.
func TestAConnectionThatWasUpgradedIsItsUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = both.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_ = both.Flush()
			line, _ := both.ReadString('\n')
			_, _ = both.WriteString(line)
			_ = both.Flush()
		})
		client, err := rest.HTTPClientFor(Fence(a.config, newTenure()))
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://api.example/api/v1/namespaces/default/pods/web-0/exec", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", "echo")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		conn, ok := response.Body.(io.ReadWriter)
		if !ok {
			t.Fatalf("a body of type %T cannot be written to", response.Body)
		}
		time.Sleep(time.Minute)
		if _, err := conn.Write([]byte("hello\n")); err != nil {
			t.Fatal(err)
		}
		if heard, err := io.ReadAll(conn); err != nil || string(heard) != "hello\n" {
			t.Errorf("heard %q, %v", heard, err)
		}
	})
}

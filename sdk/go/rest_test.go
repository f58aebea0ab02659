package zenlead

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// answering is a client of a server that is not zen-lead, at an address of this machine.
func answering(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := New(server.URL, WithToken("secret"), WithCAFile(ca))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestWhatIsNotZenLead(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>Sign in</html>"))
		},
		"an answer of another API": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"kind":"Status","status":"Success"}`))
		},
		"an error of another API": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind":"Status","reason":"NotFound"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := answering(t, handler)
			if _, err := client.Leader(t.Context(), "web"); !isOnly(err, ErrUnavailable) {
				t.Errorf("Leader: %v", err)
			}
			if _, err := client.Handover(t.Context(), "web", "web-1"); !isOnly(err, ErrUnknown) {
				t.Errorf("Handover: %v", err)
			}
			var listed error
			for _, err := range client.Pools(t.Context()) {
				listed = err
			}
			if name != "an answer of another API" && !isOnly(listed, ErrUnavailable) { // which is a list without pools
				t.Errorf("Pools: %v", listed)
			}
			f := follower{shared: client.shared, pool: poolKey{"default", "web"}, see: func(sight) error { return nil }}
			if heard, err := f.follow(t.Context(), client.shared.now()); heard || !isOnly(err, ErrUnavailable) || !strings.Contains(err.Error(), "none of zen-lead's") && !strings.Contains(err.Error(), "404") {
				t.Errorf("watch: heard %v, %v", heard, err)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, err := client.Leader(t.Context(), "web"); !isOnly(err, ErrUnavailable) {
		t.Errorf("Leader: %v", err)
	}
	if _, err := client.Handover(t.Context(), "web", "web-1"); !isOnly(err, ErrUnknown) {
		t.Errorf("Handover: %v", err)
	}
	if elsewhere.Load() > 0 {
		t.Error("it was followed")
	}
}

func TestHTTP2IsSpoken(t *testing.T) {
	var major atomic.Int32
	client := answering(t, func(_ http.ResponseWriter, r *http.Request) { major.Store(int32(r.ProtoMajor)) })
	if _, err := client.Leader(t.Context(), "web"); !errors.Is(err, ErrUnavailable) || major.Load() != 2 {
		t.Errorf("HTTP/%d, %v", major.Load(), err)
	}
}

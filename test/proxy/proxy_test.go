package proxy_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kube-zen/zen-lead/test/proxy"
)

const lease = "/apis/coordination.k8s.io/v1/namespaces/a/leases/web"

var putLease = proxy.Match{Method: http.MethodPut, Resource: "leases", Namespace: "a", Name: "web"}

// server stands for an API server: it notes what arrives, and a watch on it says something every time it is told to.
type server struct {
	mu      sync.Mutex
	arrived []string
	say     chan string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") != "" {
		w.WriteHeader(http.StatusOK)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case line := <-s.say:
				fmt.Fprintln(w, line)
			case <-r.Context().Done():
				return
			}
		}
	}
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(s.arrived, r.Method+" "+r.URL.Path+" "+string(body)+" "+r.Header.Get("Authorization"))
	fmt.Fprint(w, "{}")
}

func (s *server) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.arrived, "\n")
}

func start(t *testing.T) (*server, *proxy.Proxy, *rest.RESTClient) {
	t.Helper()
	s := &server{say: make(chan string)}
	upstream := httptest.NewTLSServer(s)
	t.Cleanup(upstream.Close)
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{
		Server: upstream.URL, CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: upstream.Certificate().Raw}),
	}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: "secret"}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*config, path))
	p, err := proxy.Start(path)
	must(t, err)
	t.Cleanup(p.Close)
	through, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig)
	must(t, err)
	through.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(through)
	must(t, err)
	return s, p, client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(ctx context.Context, c *rest.RESTClient, body string) error {
	return c.Put().AbsPath(lease).Body([]byte(body)).Do(ctx).Error()
}

func TestWhatNoRuleWantsPasses(t *testing.T) {
	s, p, c := start(t)
	p.Hold(proxy.Match{Resource: "pods"})
	must(t, put(t.Context(), c, "one"))
	if want := "PUT " + lease + " one Bearer secret"; s.seen() != want {
		t.Errorf("%s arrived, want %s", s.seen(), want)
	}
	writes := p.Writes(putLease)
	if len(writes) != 1 || writes[0].Status != http.StatusOK || string(writes[0].Body) != "one" {
		t.Errorf("noted %+v", writes)
	}
}

func TestAHeldWriteArrivesOnceReleased(t *testing.T) {
	s, p, c := start(t)
	held := p.HoldOne(putLease)
	answered := make(chan error)
	go func() { answered <- put(t.Context(), c, "one") }()
	must(t, held.Await(t.Context(), 1))
	must(t, put(t.Context(), c, "two"))
	if strings.Contains(s.seen(), "one") {
		t.Error("a held write arrived")
	}
	held.Release()
	must(t, <-answered)
	if !strings.Contains(s.seen(), "one") {
		t.Error("a released write did not arrive")
	}
}

func TestAHeldWriteArrivesAlthoughItsAuthorIsGone(t *testing.T) {
	s, p, c := start(t)
	held := p.Hold(putLease)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() { answered <- put(ctx, c, "late") }()
	must(t, held.Await(t.Context(), 1))
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	held.Release()
	eventually(t, "the late write arrives", func() bool { return strings.Contains(s.seen(), "late") })
}

func TestADroppedWriteNeverArrives(t *testing.T) {
	s, p, c := start(t)
	held := p.Hold(putLease)
	answered := make(chan error)
	go func() { answered <- put(t.Context(), c, "one") }()
	must(t, held.Await(t.Context(), 1))
	held.Drop()
	if err := <-answered; err == nil {
		t.Error("a dropped write was answered")
	}
	if s.seen() != "" {
		t.Errorf("%s arrived", s.seen())
	}
}

func TestALostReplyIsAnErrorAlthoughTheWriteArrived(t *testing.T) {
	s, p, c := start(t)
	lost := p.LoseReply(putLease, 1)
	err := put(t.Context(), c, "one")
	if status := apierrors.APIStatus(nil); err == nil || errors.As(err, &status) {
		t.Errorf("error %v, want one that is no answer", err)
	}
	if !strings.Contains(s.seen(), "one") || lost.Count() != 1 {
		t.Errorf("%q arrived, %d replies lost", s.seen(), lost.Count())
	}
	must(t, put(t.Context(), c, "two"))
}

func TestALateReplyIsOfAWriteThatArrivedAtOnce(t *testing.T) {
	s, p, c := start(t)
	late := p.LateReply(putLease, 100*time.Millisecond)
	begin := time.Now()
	answered := make(chan error, 1)
	go func() { answered <- put(t.Context(), c, "late") }()
	must(t, late.Await(t.Context(), 1))
	if !strings.Contains(s.seen(), "late") {
		t.Error("the rule has acted and the write has not arrived")
	}
	must(t, <-answered)
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestAnAnswerThatIsHeldComesLateAndTheWriteArrivesBefore(t *testing.T) {
	s, p, c := start(t)
	held := p.HoldReply(putLease, 1)
	answered := make(chan error, 1)
	go func() { answered <- put(t.Context(), c, "one") }()
	must(t, held.Await(t.Context(), 1))
	if !strings.Contains(s.seen(), "one") || len(answered) != 0 {
		t.Errorf("%q arrived, %d answered", s.seen(), len(answered))
	}
	held.Release()
	must(t, <-answered)
	dropped := p.HoldReply(putLease, 1)
	go func() { answered <- put(t.Context(), c, "two") }()
	must(t, dropped.Await(t.Context(), 1))
	dropped.Drop()
	if err := <-answered; err == nil || !strings.Contains(s.seen(), "two") {
		t.Errorf("error %v, %q arrived", err, s.seen())
	}
}

func TestADeafProgramIsHeard(t *testing.T) {
	s, p, c := start(t)
	deaf := p.Deafen()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 2)
	go func() { answered <- put(ctx, c, "one") }()
	go func() { answered <- c.Get().AbsPath("/api/v1/pods").Do(ctx).Error() }()
	must(t, deaf.Await(t.Context(), 2))
	cancel()
	for range 2 {
		if err := <-answered; err == nil {
			t.Error("it heard something")
		}
	}
	if !strings.Contains(s.seen(), "one") || strings.Contains(s.seen(), "GET") {
		t.Errorf("%q arrived", s.seen())
	}
	deaf.Release()
	must(t, put(t.Context(), c, "two"))
}

func TestARefusedWriteIsAnsweredHere(t *testing.T) {
	s, p, c := start(t)
	refused := p.Refuse(proxy.Match{Contains: "one"}, 1, http.StatusConflict)
	if err := put(t.Context(), c, "one"); !apierrors.IsConflict(err) {
		t.Errorf("error %v, want a conflict", err)
	}
	if s.seen() != "" || refused.Count() != 1 {
		t.Errorf("%q arrived, %d refused", s.seen(), refused.Count())
	}
	must(t, put(t.Context(), c, "one"))
}

func TestADelayedWriteArrivesLater(t *testing.T) {
	_, p, c := start(t)
	p.Delay(putLease, 100*time.Millisecond)
	began := time.Now()
	must(t, put(t.Context(), c, "one"))
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
}

func TestAWatchStreams(t *testing.T) {
	s, _, c := start(t)
	stream, err := c.Get().AbsPath("/api/v1/pods").Param("watch", "1").Stream(t.Context())
	must(t, err)
	defer stream.Close()
	for _, want := range []string{"first", "second"} {
		s.say <- want
		line := make([]byte, len(want)+1)
		if _, err := io.ReadFull(stream, line); err != nil || string(line) != want+"\n" {
			t.Fatalf("read %q, %v", line, err)
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.After(10 * time.Second); !is(); {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatal("not within 10 s: " + what)
		}
	}
}

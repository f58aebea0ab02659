package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	utilcert "k8s.io/client-go/util/cert"

	"github.com/kube-zen/zen-lead/controller/internal/locks"
	"github.com/kube-zen/zen-lead/controller/internal/replica"
	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

var web = types.NamespacedName{Namespace: "default", Name: "web"}

// rig is the API on loopback, before an API server that only says who may do what.
type rig struct {
	feed  snapshot.Feed
	https string
	grpc  string
	roots *x509.CertPool
	// judge is the API server that knows the callers.
	judge *judge
	s     *service
	stop  func()
}

// judge answers reviews: token "good" is of ann, who may everything but what is denied to her.
type judge struct {
	// locks: what may be done with leaderpolicies may be done with all else.
	locks  bool
	mu     sync.Mutex
	away   error
	denied map[string]bool
	asked  int
	// takes is how long an answer does.
	takes time.Duration
	// anonymous: who brings no token is somebody.
	anonymous bool
	// revoked is a token that is not valid any more.
	revoked string
	// meanwhile is what happens while the API server is asked what a caller may.
	meanwhile func()
}

func (j *judge) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	<-time.After(j.takes)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked++
	if auds, _ := authenticator.AudiencesFrom(r.Context()); len(auds) != 1 || auds[0] != "zen-lead" {
		return nil, false, errors.New("no audience was asked for")
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case j.away != nil:
		return nil, false, j.away
	case r.Context().Err() != nil:
		return nil, false, r.Context().Err()
	case !ok || token == "" || token[0] == ' ':
		return &authenticator.Response{User: &user.DefaultInfo{Name: user.Anonymous}}, j.anonymous, nil
	case !strings.HasPrefix(token, "good") || token == j.revoked:
		return nil, false, errors.New("invalid bearer token")
	}
	return &authenticator.Response{User: &user.DefaultInfo{Name: "ann" + strings.TrimPrefix(token, "good")}}, true, nil
}

func (j *judge) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if j.meanwhile != nil {
		j.meanwhile()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.away != nil {
		return authorizer.DecisionNoOpinion, "", j.away
	}
	if a.GetResource() != "leaderpolicies" && !j.locks || a.GetAPIGroup() != "coordination.kube-zen.io" || !a.IsResourceRequest() || j.denied[a.GetVerb()] {
		return authorizer.DecisionNoOpinion, "", nil
	}
	return authorizer.DecisionAllow, "", nil
}

// certificate is made once: a key takes long.
var certificate = sync.OnceValues(func() (tls.Certificate, error) {
	cert, key, err := utilcert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	return pair, err
})

// newQuietRig has a service that is not served. The pool web is known, led by pod a in term 5.
func newQuietRig() *rig {
	r := &rig{judge: &judge{denied: map[string]bool{}}}
	r.s = &service{
		board: &r.feed.Board, heard: time.Now, now: time.Now, sendWithin: slowAfter,
		access: newJudge(r.judge, r.judge),
	}
	self := alone{}
	r.s.locks = newLockService(r.s, locks.New(context.Background(), self, replica.Lasts, nil, nil), self, newReplicas(nil, nil))
	r.leads("a", 5)
	return r
}

// alone is the only replica.
type alone struct{}

func (alone) Term() (string, bool)                         { return "zen-lead.alone", true }
func (alone) Home(types.NamespacedName) (string, string)   { return "zen-lead.alone", "" }
func (alone) Lives(name string) (string, bool)             { return "", name == "zen-lead.alone" }
func (alone) Silent(string) (since time.Time, silent bool) { return time.Time{}, false }

// newRig serves until the test ends.
func newRig(t *testing.T) *rig {
	t.Helper()
	pair, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	r := newQuietRig()
	r.roots = x509.NewCertPool()
	r.roots.AddCert(pair.Leaf)
	v, err := newServer(t.Context(), r.s, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, openAPI)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	byGRPC, byHTTP := listen(t), listen(t)
	ended := make(chan error, 1)
	go func() { ended <- v.run(ctx, byGRPC, tightly{byHTTP}) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	r.grpc, r.https = byGRPC.Addr().String(), "https://"+byHTTP.Addr().String()
	return r
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tightly makes connections whose buffers are soon full.
type tightly struct{ net.Listener }

func (l tightly) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4096)
	}
	return c, err
}

// leads has the watch of policies tell that a pod leads, and returns the revision.
func (r *rig) leads(pod string, term int64) string {
	p := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name, ResourceVersion: strconv.FormatInt(term+100, 10)}}
	p.Status.Term, p.Status.Guarantee = term, v1alpha1.GuaranteeAdvisory
	p.Status.LastTransitionTime = &metav1.MicroTime{Time: time.Unix(term, 0)}
	if pod != "" {
		p.Status.CurrentHolder = &v1alpha1.Holder{Name: pod, UID: types.UID(pod + "-uid"), Namespace: web.Namespace}
	}
	r.feed.Handler().OnAdd(p, false)
	return r.revision()
}

// revision is the newest of the pool.
func (r *rig) revision() string { return formatRevision(r.feed.Board.Newest(web).Revision) }

// hasPod has the watch of pods tell that pod a has an address.
func (r *rig) hasPod(ip string) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: web.Namespace, Name: "a", UID: "a-uid", Annotations: map[string]string{v1alpha1.PoolAnnotation: web.Name},
	}}
	p.Status.PodIPs = []corev1.PodIP{{IP: ip}}
	r.feed.Handler().OnAdd(p, false)
}

// gone has the watch of policies tell that the pool is no more.
func (r *rig) gone() {
	r.feed.Handler().OnDelete(&v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name}})
}

func (r *rig) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.roots}, ForceAttemptHTTP2: true}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			t.Cleanup(func() { _ = c.Close() }) // at once: a stream that was just left is not idle, and the server would wait for it
		}
		return c, err
	}
	return &http.Client{Transport: transport}
}

// dial returns a client by gRPC that presents a token.
func (r *rig) dial(t *testing.T, options ...grpc.DialOption) zenleadv1.LeaderServiceClient {
	t.Helper()
	c, err := grpc.NewClient(r.grpc, append(options, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: r.roots})))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return zenleadv1.NewLeaderServiceClient(c)
}

func bearing(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// followSlowlyByHTTP returns what there is to read of a stream, of which nothing is read, on a connection of small buffers.
func followSlowlyByHTTP(t *testing.T, r *rig) net.Conn {
	t.Helper()
	plain, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.https, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plain.Close() })
	if tcp, ok := plain.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	c := tls.Client(plain, &tls.Config{RootCAs: r.roots, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
	if _, err := c.Write([]byte("GET /v1/leader/pool/web/watch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return c
}

package zenlead

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// world is a zen-lead and a client of it, in a bubble whose clock moves while everybody waits, and without a network.
type world struct {
	*testing.T
	*testserver.Server
	client *Client
	// ca and token are files.
	ca, token string
	target    string
	dial      func(context.Context, string) (net.Conn, error)
}

// each runs a test over both transports. It fails if something is still running at its end.
func each(t *testing.T, answers func(*testing.T) testserver.Answers, test func(*world)) {
	t.Helper()
	for transport, target := range map[string]string{"gRPC": "passthrough:///zen-lead.test:9090", "REST": "https://zen-lead.test"} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(newWorld(t, target, answers(t))) })
		})
	}
}

func newWorld(t *testing.T, target string, answers testserver.Answers) *world {
	t.Helper()
	forGRPC, forREST := bufconn.Listen(1<<16), bufconn.Listen(1<<16)
	server, err := testserver.Start(answers, forGRPC, forREST)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := &world{T: t, Server: server, target: target}
	w.dial = func(ctx context.Context, _ string) (net.Conn, error) {
		if strings.HasPrefix(target, "https") {
			return forREST.DialContext(ctx)
		}
		return forGRPC.DialContext(ctx)
	}
	w.ca, w.token = filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "token")
	w.write(w.ca, server.CA())
	w.write(w.token, []byte("first\n"))
	w.client = w.connect(WithTokenFile(w.token), WithCAFile(w.ca))
	return w
}

// connect returns a client that is closed at the end of the test.
func (w *world) connect(opts ...Option) *Client {
	w.Helper()
	client, err := New(w.target, append(opts, WithNamespace("here"), func(o *options) { o.dial = w.dial })...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := client.Close(); err != nil {
			w.Error(err)
		}
	})
	return client
}

func (w *world) write(path string, content []byte) {
	w.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.Fatal(err)
	}
}

// always answers each test the same.
func always(answers testserver.Answers) func(*testing.T) testserver.Answers {
	return func(*testing.T) testserver.Answers { return answers }
}

// led is pool web of namespace here, led by a pod in a term; "" is nobody.
func led(pod string, term int64) *zenleadv1.LeaderState {
	s := &zenleadv1.LeaderState{
		Pool: "web", Namespace: "here", Term: term, Guarantee: "Advisory", Since: &timestamppb.Timestamp{Seconds: 1_700_000_000 + term},
	}
	if pod != "" {
		s.Leader = &zenleadv1.Leader{Name: pod, Uid: "uid-of-" + pod, Ip: "10.1.2.3", Node: "node-1"}
	}
	return s
}

// event is a state as a watch sends it.
func event(s *zenleadv1.LeaderState, revision string) *zenleadv1.WatchLeaderResponse {
	return &zenleadv1.WatchLeaderResponse{Event: &zenleadv1.WatchLeaderResponse_State{State: s}, Revision: revision}
}

// heartbeat is a sign of life of a replica whose view is so old.
func heartbeat(ageMs int64, stale bool) *zenleadv1.WatchLeaderResponse {
	return &zenleadv1.WatchLeaderResponse{Event: &zenleadv1.WatchLeaderResponse_Heartbeat{
		Heartbeat: &zenleadv1.Heartbeat{AgeMs: ageMs, Stale: stale},
	}}
}

// brief is a state in a word.
func brief(s State) string { return fmt.Sprintf("%v in %d", s.Leader, s.Term) }

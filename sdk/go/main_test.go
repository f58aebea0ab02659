package zenlead_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kube-zen/zen-lead/sdk/go/internal/testserver"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// What the examples connect to: the zen-lead of this file, by gRPC and by HTTP.
var address, url, caFile string

func TestMain(m *testing.M) {
	code, err := withServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(run func() int) (int, error) {
	var listen net.ListenConfig
	forGRPC, err := listen.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	forREST, err := listen.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	server, err := testserver.Start(testserver.Answers{Leader: leader, Pools: pools, Watch: watch, Handover: handover, Locks: &testserver.Locks{}}, forGRPC, forREST)
	if err != nil {
		return 0, err
	}
	defer server.Close()
	folder, err := os.MkdirTemp("", "zen-lead")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	address, url = forGRPC.Addr().String(), "https://"+forREST.Addr().String()
	caFile = filepath.Join(folder, "ca.crt")
	if err := os.WriteFile(caFile, server.CA(), 0o600); err != nil {
		return 0, err
	}
	return run(), nil
}

// state is of a pool that web-0 leads in term 440, and web-1 in the next.
func state(pool string, term int64) *zenleadv1.LeaderState {
	return &zenleadv1.LeaderState{
		Pool: pool, Namespace: "default", Term: term, Guarantee: "Advisory", Since: timestamppb.New(time.Unix(1_700_000_000, 0)),
		Leader: &zenleadv1.Leader{Name: fmt.Sprintf("%s-%d", pool, term-440), Uid: fmt.Sprintf("uid-%d", term-440), Ip: "10.1.2.3", Node: "node-1"},
	}
}

func leader(_ context.Context, r *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
	if r.GetPool() == "none" {
		return nil, testserver.Error("UnknownPool", "there is no LeaderPolicy none in namespace default")
	}
	return &zenleadv1.GetLeaderResponse{State: state(r.GetPool(), max(r.GetMinTerm(), 440))}, nil
}

func pools(*zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
	return &zenleadv1.ListPoolsResponse{Pools: []*zenleadv1.LeaderState{state("db", 440), state("web", 440)}}, nil
}

func watch(ctx context.Context, r *zenleadv1.WatchLeaderRequest, send testserver.Send) error {
	for term := int64(440); term < 442; term++ {
		if err := send(&zenleadv1.WatchLeaderResponse{
			Event: &zenleadv1.WatchLeaderResponse_State{State: state(r.GetPool(), term)}, Revision: fmt.Sprint(term),
		}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func handover(_ context.Context, r *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error) {
	return &zenleadv1.HandoverResponse{Message: "web-0 handed over to " + r.GetMove().GetTo(), Term: 441}, nil
}

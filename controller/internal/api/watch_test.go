package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// told is what a follower was told, by whichever way: "leader a 5", "beat", or "end <reason>", and what to resume with.
type told struct{ what, revision string }

// follower is a stream that is read.
type follower struct {
	next  func() told
	close func()
}

// ways are those to follow a pool.
var ways = map[string]func(t *testing.T, r *rig, resume string) *follower{
	"by gRPC": followByGRPC,
	"by HTTP": followByHTTP,
}

func followByGRPC(t *testing.T, r *rig, resume string) *follower {
	ctx, cancel := context.WithCancel(bearing(t.Context(), "good"))
	t.Cleanup(cancel)
	stream, err := r.dial(t).WatchLeader(ctx, &zenleadv1.WatchLeaderRequest{Pool: "web", Resume: resume})
	if err != nil {
		t.Fatal(err)
	}
	return &follower{close: cancel, next: func() told {
		m, err := stream.Recv()
		switch {
		case err != nil:
			return told{what: "end " + reasonOf(err)}
		case m.GetState() != nil:
			return told{fmt.Sprintf("leader %s %d", m.GetState().GetLeader().GetName(), m.GetState().GetTerm()), m.GetRevision()}
		default:
			return told{"beat", m.GetRevision()}
		}
	}}
}

func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return err.Error()
}

func followByHTTP(t *testing.T, r *rig, resume string) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.https+"/v1/leader/pool/web/watch", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer good")
	if resume != "" {
		q.Header.Set("Last-Event-ID", resume)
	}
	a, err := r.client(t).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Body.Close() })
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %v", a.Status, a.Header)
	}
	lines := bufio.NewScanner(a.Body)
	last := resume
	return &follower{close: cancel, next: func() told {
		event, data, id := "", "", ""
		for lines.Scan() && lines.Text() != "" {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				event = value
			case "data":
				data = value
			case "id":
				id = value
			}
		}
		switch event {
		case "leader":
			var s struct {
				Leader struct{ Name string }
				Term   int64
			}
			if err := json.Unmarshal([]byte(data), &s); err != nil {
				t.Error(err)
			}
			last = id
			return told{fmt.Sprintf("leader %s %d", s.Leader.Name, s.Term), last}
		case "heartbeat":
			return told{"beat", last}
		case "error":
			var e struct{ Error struct{ Reason string } }
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Error(err)
			}
			return told{what: "end " + e.Error.Reason}
		}
		return told{what: "end " + fmt.Sprint(lines.Err())}
	}}
}

func TestFollowers(t *testing.T) {
	for way, follow := range ways {
		t.Run(way, func(t *testing.T) {
			for name, story := range map[string]func(t *testing.T, r *rig){
				"see who leads, and then each change": func(t *testing.T, r *rig) {
					f := follow(t, r, "")
					expect(t, f, told{"leader a 5", r.revision()})
					b, nobody, c := r.leads("b", 6), r.leads("", 6), r.leads("c", 9)
					expect(t, f, told{"leader b 6", b}, told{"leader  6", nobody}, told{"leader c 9", c})
				},
				"are not told again what they know": func(t *testing.T, r *rig) {
					a := r.revision()
					f := follow(t, r, a)
					expect(t, f, told{"beat", a})
					b := r.leads("b", 6)
					expect(t, f, told{"leader b 6", b})
				},
				"that come back are told what they missed": func(t *testing.T, r *rig) {
					f, a := follow(t, r, ""), r.revision()
					expect(t, f, told{"leader a 5", a})
					f.close()
					b := r.leads("b", 6)
					expect(t, follow(t, r, a), told{"leader b 6", b})
				},
				"that know another state of the same versions are told this one": func(t *testing.T, r *rig) {
					known := strings.TrimRight(r.revision(), "0123456789abcdef") + "00000000"
					expect(t, follow(t, r, known), told{"leader a 5", r.revision()})
				},
				"that come back are told that the leader has another address": func(t *testing.T, r *rig) {
					r.hasPod("10.0.0.1")
					f, known := follow(t, r, ""), r.revision()
					expect(t, f, told{"leader a 5", known})
					f.close()
					r.hasPod("10.0.0.2")
					expect(t, follow(t, r, known), told{"leader a 5", r.revision()})
				},
				"that know more than this replica wait until it knows more": func(t *testing.T, r *rig) {
					f := follow(t, r, "7-0-107-00000000")
					expect(t, f, told{"beat", "7-0-107-00000000"})
					r.leads("b", 6)
					c := r.leads("c", 8)
					expect(t, f, told{"leader c 8", c})
				},
				"are told when the API server is lost, and when it is back": func(t *testing.T, r *rig) {
					f := follow(t, r, "")
					a := r.revision()
					expect(t, f, told{"leader a 5", a})
					r.s.board.Nudge()
					expect(t, f, told{"beat", a})
					r.s.board.Nudge()
					expect(t, f, told{"beat", a})
				},
				"are told at once if the API server is lost already": func(t *testing.T, r *rig) {
					r.s.heard = func() time.Time { return time.Time{} }
					expect(t, follow(t, r, ""), told{"leader a 5", r.revision()}, told{"beat", r.revision()})
				},
				"are told that the pool is gone": func(t *testing.T, r *rig) {
					f := follow(t, r, "")
					expect(t, f, told{"leader a 5", r.revision()})
					r.gone()
					expect(t, f, told{what: "end UnknownPool"})
				},
				"are told that the replica ends": func(t *testing.T, r *rig) {
					f := follow(t, r, "")
					expect(t, f, told{"leader a 5", r.revision()})
					go r.stop()
					expect(t, f, told{what: "end Draining"})
				},
			} {
				t.Run(name, func(t *testing.T) { story(t, newRig(t)) })
			}
		})
	}
}

func expect(t *testing.T, f *follower, want ...told) {
	t.Helper()
	for _, w := range want {
		if got := f.next(); got != w {
			t.Fatalf("told %q, want %q", got, w)
		}
	}
}

// Who asks for compression gets it, and nobody else does.
func TestFollowersOfWhomOneAsksForCompression(t *testing.T) {
	r := newRig(t)
	var streams []grpc.ServerStreamingClient[zenleadv1.WatchLeaderResponse]
	for _, options := range [][]grpc.CallOption{{grpc.UseCompressor(gzip.Name)}, nil, {grpc.UseCompressor(gzip.Name)}, nil} {
		s, err := r.dial(t).WatchLeader(bearing(t.Context(), "good"), &zenleadv1.WatchLeaderRequest{Pool: "web"}, options...)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	for term := int64(5); term < 8; term++ {
		for i, s := range streams {
			if m, err := s.Recv(); err != nil || m.GetState().GetTerm() != term {
				t.Fatalf("stream %d: %v, %v; want term %d", i, m, err, term)
			}
		}
		r.leads("b", term+1)
	}
}

// A hundred followers of one pool share what is written to them.
func TestManyFollowersAreToldTheSame(t *testing.T) {
	r := newRig(t)
	c := r.dial(t)
	var streams []grpc.ServerStreamingClient[zenleadv1.WatchLeaderResponse]
	for range 100 {
		s, err := c.WatchLeader(bearing(t.Context(), "good"), &zenleadv1.WatchLeaderRequest{Pool: "web"})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := s.Recv(); err != nil || m.GetState().GetTerm() != 5 {
			t.Fatal(m, err)
		}
		streams = append(streams, s)
	}
	r.leads("b", 6)
	for _, s := range streams {
		if m, err := s.Recv(); err != nil || m.GetState().GetLeader().GetName() != "b" || m.GetRevision() != r.revision() {
			t.Fatal(m, err)
		}
	}
	r.judge.mu.Lock()
	defer r.judge.mu.Unlock()
	if r.judge.asked != 1 {
		t.Errorf("the API server was asked %d times who one caller is", r.judge.asked)
	}
}

func TestWhatGRPCRefuses(t *testing.T) {
	r := newRig(t)
	c := r.dial(t)
	for name, tc := range map[string]struct {
		ctx    context.Context
		q      *zenleadv1.GetLeaderRequest
		code   codes.Code
		reason string
	}{
		"a pool that there is not": {bearing(t.Context(), "good"), &zenleadv1.GetLeaderRequest{Pool: "api"}, codes.NotFound, reasonUnknownPool},
		"no pool":                  {bearing(t.Context(), "good"), &zenleadv1.GetLeaderRequest{}, codes.InvalidArgument, reasonInvalidArgument},
		"no token":                 {t.Context(), &zenleadv1.GetLeaderRequest{Pool: "web"}, codes.Unauthenticated, reasonUnauthenticated},
		"a bad token":              {bearing(t.Context(), "bad"), &zenleadv1.GetLeaderRequest{Pool: "web"}, codes.Unauthenticated, reasonUnauthenticated},
		"a request that is long":   {bearing(t.Context(), "good"), &zenleadv1.GetLeaderRequest{Pool: strings.Repeat("a", longestRequest)}, codes.ResourceExhausted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.GetLeader(tc.ctx, tc.q)
			if status.Code(err) != tc.code || tc.reason != "" && reasonOf(err) != tc.reason {
				t.Errorf("%v, want %v %s", err, tc.code, tc.reason)
			}
		})
	}
}

// Who does not read is dropped, with a reason; others are not held up by it.
func TestASlowReaderIsDropped(t *testing.T) {
	r := newRig(t)
	r.s.sendWithin = 200 * time.Millisecond
	slow, err := r.dial(t, grpc.WithStaticStreamWindowSize(64<<10)).WatchLeader(bearing(t.Context(), "good"), &zenleadv1.WatchLeaderRequest{Pool: "web"})
	if err != nil {
		t.Fatal(err)
	}
	idle := followSlowlyByHTTP(t, r)
	quick := followByGRPC(t, r, "")
	expect(t, quick, told{"leader a 5", r.revision()})
	changes := 0
	for ; r.s.access.callers.of("ann").streams.Load() > 1; changes++ { // more than windows and buffers hold, until both are dropped
		name, term := "b"+strings.Repeat("x", 1000), int64(6+changes)
		revision := r.leads(name, term)
		expect(t, quick, told{fmt.Sprintf("leader %s %d", name, term), revision})
	}
	n := 0
	for ; err == nil; n++ {
		_, err = slow.Recv()
	}
	if n >= changes || reasonOf(err) != reasonSlowReader {
		t.Errorf("the slow reader got %d of %d changes, then %v", n, changes, err)
	}
	if b, _ := io.ReadAll(idle); strings.Count(string(b), "event: leader") >= changes {
		t.Error("the slow reader by HTTP got all")
	}
}

func TestTheTideTurnsWithTheAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost atomic.Bool
		var turned atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		go watchTide(ctx, lost.Load, func() { turned.Add(1) })
		for i, is := range []bool{true, false} {
			time.Sleep(time.Minute)
			if n := turned.Load(); n != int64(i) {
				t.Fatalf("it turned %d times, want %d", n, i)
			}
			lost.Store(is)
			time.Sleep(lookEvery)
			synctest.Wait()
			if n := turned.Load(); n != int64(i+1) {
				t.Fatalf("it turned %d times, want %d", n, i+1)
			}
		}
		cancel()
	})
}

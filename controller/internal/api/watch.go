package api

import (
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// WatchLeader tells who leads a pool, then every change.
func (s *service) WatchLeader(q *zenleadv1.WatchLeaderRequest, stream grpc.ServerStreamingServer[zenleadv1.WatchLeaderResponse]) error {
	ctx := stream.Context()
	pool, err := s.named(q.GetPool(), q.GetNamespace())
	if err != nil {
		return err
	}
	known, err := parseRevision(q.GetResume())
	if err != nil {
		return err
	}
	caller, err := s.admit(ctx, bearer(ctx), watch, pool)
	if err != nil {
		return err
	}
	end, err := caller.stream()
	if err != nil {
		return err
	}
	defer end()
	ended := make(chan error, 2)
	out := newOutlet(stream, s.sendWithin, ended)
	go func() { ended <- out.follow(s.follow(ctx, pool, known)) }()
	return <-ended // a send that waits then ends with the stream
}

// outlet sends events on a stream of gRPC.
type outlet struct {
	stream grpc.ServerStream
	within time.Duration
	// patience ends the stream when it is over: gRPC has no deadline for sending.
	patience *time.Timer
}

func newOutlet(stream grpc.ServerStream, within time.Duration, ended chan<- error) *outlet {
	t := time.AfterFunc(time.Hour, func() {
		ended <- fail(codes.ResourceExhausted, reasonSlowReader, "dropped: nothing was read for %s", within)
	})
	t.Stop()
	return &outlet{stream: stream, within: within, patience: t}
}

// follow sends each event until there is an error.
func (o *outlet) follow(events iter.Seq2[event, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if err := o.send(e); err != nil {
			return err
		}
	}
	return nil
}

// send gives up on a reader that makes no room.
func (o *outlet) send(e event) error {
	m, err := o.message(e)
	if err != nil {
		return err
	}
	o.patience.Reset(o.within)
	defer o.patience.Stop()
	return o.stream.SendMsg(m)
}

// message is what is sent for an event. What is the same for all followers of a pool is encoded once.
func (o *outlet) message(e event) (any, error) {
	switch {
	case e.frame == nil:
		return &zenleadv1.WatchLeaderResponse{
			Event:    &zenleadv1.WatchLeaderResponse_Heartbeat{Heartbeat: &zenleadv1.Heartbeat{AgeMs: e.age.Milliseconds(), Stale: e.lost}},
			Revision: formatRevision(e.revision),
		}, nil
	case e.first:
		return watched(e), nil
	}
	return snapshot.Made(&e.frame.Shared, byGRPC, func() (*encoded, error) { return encode(watched(e)) })
}

// What is made of a frame once.
const (
	byGRPC = iota // an event by gRPC
	byHTTP        // one by HTTP
	asBody        // an answer by HTTP
)

func watched(e event) *zenleadv1.WatchLeaderResponse {
	state := stateOf(e.frame.State)
	state.AgeMs = e.age.Milliseconds()
	return &zenleadv1.WatchLeaderResponse{Event: &zenleadv1.WatchLeaderResponse_State{State: state}, Revision: formatRevision(e.revision)}
}

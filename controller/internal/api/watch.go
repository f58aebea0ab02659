package api

import (
	"context"
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
	out := newOutlet(stream, s.sendWithin)
	for e, err := range s.follow(ctx, pool, known) {
		if err != nil {
			return err
		}
		if err := out.send(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// outlet sends events on a stream of gRPC.
type outlet struct {
	stream  grpc.ServerStream
	within  time.Duration
	patient *time.Timer
	sent    chan error
}

func newOutlet(stream grpc.ServerStream, within time.Duration) *outlet {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &outlet{stream: stream, within: within, patient: t, sent: make(chan error, 1)}
}

// send gives up on a reader that makes no room. gRPC has no deadline for that, and ends the send that waits once the method returns.
func (o *outlet) send(ctx context.Context, e event) error {
	m, err := o.message(e)
	if err != nil {
		return err
	}
	o.patient.Reset(o.within)
	defer o.patient.Stop()
	go func() { o.sent <- o.stream.SendMsg(m) }()
	select {
	case err := <-o.sent:
		return err
	case <-o.patient.C:
		return fail(codes.ResourceExhausted, reasonSlowReader, "dropped: nothing was read for %s", o.within)
	case <-ctx.Done():
		return ctx.Err()
	}
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

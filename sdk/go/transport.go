package zenlead

import (
	"context"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// transport carries questions to zen-lead and answers back, by gRPC or by HTTP. Its errors are those of errors.go: what zen-lead
// said, what the transport concluded, or why ctx ended.
type transport interface {
	getLeader(context.Context, *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error)
	listPools(context.Context, *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error)
	// watchLeader opens a stream that ends with ctx, and must be ended so.
	watchLeader(context.Context, *zenleadv1.WatchLeaderRequest) (stream, error)
	// handover sends the request at most once. ErrUnknown: it was sent, and nobody said what became of it.
	handover(context.Context, *zenleadv1.HandoverRequest) (*zenleadv1.HandoverResponse, error)
	// acquire asks for a lock, and waits for the grant as long as ctx lasts. Of this and the two that follow ErrUnknown, and no other error, leaves
	// it open whether it was done.
	acquire(context.Context, *zenleadv1.AcquireRequest) (*zenleadv1.Granted, error)
	release(context.Context, *zenleadv1.ReleaseRequest) error
	// renew says of each lock, in the order of the request, what became of it.
	renew(context.Context, []*zenleadv1.Renewal) []renewed
	close() error
}

// renewed is what became of one renewal: the replica that keeps the lock from now on, or an error.
type renewed struct {
	home string
	err  error
}

// stream is what a watch brings.
type stream interface {
	recv() (*zenleadv1.WatchLeaderResponse, error)
}

// kept is what an answer means. Who keeps a lock always says where: something else that answers has renewed nothing, as far as is known.
func kept(home string, err error) renewed {
	if err == nil && home == "" {
		err = settleLock(errNotOurs, true)
	}
	return renewed{home: home, err: err}
}

package zenlead

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// errNotOurs: what came is nothing that zen-lead sends.
var errNotOurs = fmt.Errorf("%w: the answer is none of zen-lead's", ErrUnavailable)

func (t *grpcTransport) acquire(ctx context.Context, r *zenleadv1.AcquireRequest) (*zenleadv1.Granted, error) {
	// The stream ends with the grant, whatever else would come.
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	// A call has a peer once it has a stream on a connection, which is when it may have been sent.
	var to peer.Peer
	s, err := t.locks.Acquire(streaming, r, grpc.Peer(&to))
	if err != nil {
		return nil, settleLock(errorOfStatus(ctx, err), to.Addr != nil)
	}
	for {
		event, err := s.Recv()
		switch {
		case errors.Is(err, io.EOF): // without a grant
			return nil, settleLock(errNotOurs, true)
		case err != nil:
			return nil, settleLock(errorOfStatus(ctx, err), true)
		case event.GetGranted() != nil:
			return event.GetGranted(), nil
		}
		tellPlace(ctx, event.GetWaiting())
	}
}

func (t *grpcTransport) release(ctx context.Context, r *zenleadv1.ReleaseRequest) error {
	var to peer.Peer
	_, err := t.locks.Release(ctx, r, grpc.Peer(&to))
	return settleLock(errorOfStatus(ctx, err), to.Addr != nil)
}

func (t *grpcTransport) renew(ctx context.Context, list []*zenleadv1.Renewal) []renewed {
	var to peer.Peer
	response, err := t.locks.Renew(ctx, &zenleadv1.RenewRequest{Locks: list}, grpc.Peer(&to))
	err = settleLock(errorOfStatus(ctx, err), to.Addr != nil)
	if err == nil && len(response.GetLocks()) != len(list) {
		err = settleLock(errNotOurs, true)
	}
	all := make([]renewed, len(list))
	for i := range all {
		if err != nil {
			all[i] = kept("", err)
			continue
		}
		one := response.GetLocks()[i]
		if e := one.GetError(); e != nil {
			all[i] = kept("", settleLock(said(e.GetReason(), e.GetMessage(), ErrUnavailable), true))
			continue
		}
		all[i] = kept(one.GetHome(), nil)
	}
	return all
}

package testserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Call is a call of the LockService.
type Call struct {
	// Context ends when who called has gone.
	context.Context //nolint:containedctx // of the call that this is
	// Name is acquire, renew or release.
	Name string
	// Number is 1 for the first call of that name.
	Number int
	// IsDone: it is, and is to be answered now.
	IsDone bool
}

// between asks what is to happen to a call.
func (l *Locks) between(c Call) error {
	if l.Between == nil {
		return nil
	}
	return l.Between(c)
}

// lockService serves Locks.
type lockService struct {
	zenleadv1.UnimplementedLockServiceServer
	*Locks
}

// Acquire grants a lock.
func (s lockService) Acquire(r *zenleadv1.AcquireRequest, stream grpc.ServerStreamingServer[zenleadv1.AcquireResponse]) error {
	return s.Locks.Acquire(stream.Context(), r, stream.Send)
}

// Acquire grants a lock, and sends what is to be told meanwhile.
func (l *Locks) Acquire(ctx context.Context, r *zenleadv1.AcquireRequest, send func(*zenleadv1.AcquireResponse) error) error {
	l.mu.Lock()
	l.acquires = append(l.acquires, r)
	call := Call{Context: ctx, Name: "acquire", Number: len(l.acquires)}
	l.mu.Unlock()
	if err := l.between(call); err != nil {
		return err
	}
	if r.GetLock() == "none" {
		return Error("UnknownLock", "there is no ManualLock none")
	}
	l.mu.Lock()
	k := l.of(r.GetNamespace(), r.GetLock())
	w := l.ask(k, r.GetAcquisition())
	place := slices.Index(k.queue, w) + 1
	l.mu.Unlock()
	if place > 0 {
		waiting := &zenleadv1.AcquireResponse{Event: &zenleadv1.AcquireResponse_Waiting{Waiting: &zenleadv1.Waiting{Place: int32(place)}}}
		if err := send(waiting); err != nil {
			l.leave(k, w)
			return err
		}
	}
	select {
	case a := <-w.told:
		call.IsDone = true
		switch err := l.between(call); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if a.err != nil {
			return a.err
		}
		return send(&zenleadv1.AcquireResponse{Event: &zenleadv1.AcquireResponse_Granted{Granted: a.granted}})
	case <-ctx.Done():
		l.leave(k, w)
		return ctx.Err()
	}
}

// Release gives up a lock.
func (s lockService) Release(ctx context.Context, r *zenleadv1.ReleaseRequest) (*zenleadv1.ReleaseResponse, error) {
	l := s.Locks
	l.mu.Lock()
	l.releases = append(l.releases, r.GetHolding())
	call := Call{Context: ctx, Name: "release", Number: len(l.releases)}
	l.mu.Unlock()
	if err := l.between(call); err != nil {
		return nil, err
	}
	l.mu.Lock()
	err := l.release(l.of(r.GetNamespace(), r.GetLock()), r.GetHolding())
	l.mu.Unlock()
	call.IsDone = true
	if err := l.between(call); err != nil {
		return nil, err
	}
	return &zenleadv1.ReleaseResponse{}, err
}

// Renew keeps locks.
func (s lockService) Renew(ctx context.Context, r *zenleadv1.RenewRequest) (*zenleadv1.RenewResponse, error) {
	l := s.Locks
	l.mu.Lock()
	l.renewals = append(l.renewals, r.GetLocks())
	call := Call{Context: ctx, Name: "renew", Number: len(l.renewals)}
	l.mu.Unlock()
	if err := l.between(call); err != nil {
		return nil, err
	}
	response := &zenleadv1.RenewResponse{}
	l.mu.Lock()
	for _, one := range r.GetLocks() {
		home, refusal := l.renew(one)
		renewed := &zenleadv1.Renewed{Home: home}
		if refusal != "" {
			renewed.Error = &zenleadv1.Error{Reason: refusal, Message: "it is not renewed"}
		}
		response.Locks = append(response.Locks, renewed)
	}
	l.mu.Unlock()
	call.IsDone = true
	err := l.between(call)
	if errors.Is(err, io.EOF) {
		return &zenleadv1.RenewResponse{}, nil
	}
	return response, err
}

// RenewLock is Renew for one lock.
func (s lockService) RenewLock(ctx context.Context, r *zenleadv1.RenewLockRequest) (*zenleadv1.RenewLockResponse, error) {
	response, err := s.Renew(ctx, &zenleadv1.RenewRequest{Locks: []*zenleadv1.Renewal{{Lock: r.GetLock(), Namespace: r.GetNamespace(), Holding: r.GetHolding()}}})
	if err != nil {
		return nil, err
	}
	if len(response.GetLocks()) == 0 {
		return &zenleadv1.RenewLockResponse{}, nil
	}
	if e := response.GetLocks()[0].GetError(); e != nil {
		return nil, Error(e.GetReason(), e.GetMessage())
	}
	return &zenleadv1.RenewLockResponse{Home: response.GetLocks()[0].GetHome()}, nil
}

func (s lockService) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/locks/{lock}/acquire", func(w http.ResponseWriter, r *http.Request) {
		a := &zenleadv1.Acquisition{}
		handle(w, r, a, func() (granted proto.Message, err error) {
			err = s.Locks.Acquire(r.Context(), &zenleadv1.AcquireRequest{Lock: r.PathValue("lock"), Namespace: r.FormValue("namespace"), Acquisition: a},
				func(e *zenleadv1.AcquireResponse) error {
					granted = e.GetGranted()
					return nil
				})
			return granted, err
		})
	})
	mux.HandleFunc("POST /v1/locks/{lock}/renew", func(w http.ResponseWriter, r *http.Request) {
		h := &zenleadv1.Holding{}
		handle(w, r, h, func() (proto.Message, error) {
			return s.RenewLock(r.Context(), &zenleadv1.RenewLockRequest{Lock: r.PathValue("lock"), Namespace: r.FormValue("namespace"), Holding: h})
		})
	})
	mux.HandleFunc("POST /v1/locks/{lock}/release", func(w http.ResponseWriter, r *http.Request) {
		h := &zenleadv1.Holding{}
		handle(w, r, h, func() (proto.Message, error) {
			return s.Release(r.Context(), &zenleadv1.ReleaseRequest{Lock: r.PathValue("lock"), Namespace: r.FormValue("namespace"), Holding: h})
		})
	})
}

// handle reads the body of a request and writes what becomes of it.
func handle(w http.ResponseWriter, r *http.Request, body proto.Message, do func() (proto.Message, error)) {
	content, err := io.ReadAll(r.Body)
	if err == nil {
		err = protojson.Unmarshal(content, body)
	}
	if err != nil {
		fail(w, Error("InvalidArgument", err.Error()))
		return
	}
	m, err := do()
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, m)
}

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/locks"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// WatchLock tells who holds a lock, then every change.
func (s *lockService) WatchLock(q *zenleadv1.WatchLockRequest, stream grpc.ServerStreamingServer[zenleadv1.WatchLockResponse]) error {
	ctx := stream.Context()
	name, end, err := s.watcher(ctx, bearer(ctx), q.GetLock(), q.GetNamespace())
	if err != nil {
		return err
	}
	defer end()
	ended := make(chan error, 2)
	patience := time.AfterFunc(time.Hour, func() {
		ended <- fail(codes.ResourceExhausted, reasonSlowReader, "dropped: nothing was read for %s", s.api.sendWithin)
	})
	patience.Stop()
	go func() {
		for m, err := range s.followLock(ctx, name) {
			if err == nil {
				patience.Reset(s.api.sendWithin)
				err = stream.Send(m)
				patience.Stop()
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	return <-ended // a send that waits then ends with the stream
}

// watcher lets somebody in who would follow a lock.
func (s *lockService) watcher(ctx context.Context, header, lock, namespace string) (name types.NamespacedName, end func(), err error) {
	if name, err = lockNamed(lock, namespace); err != nil {
		return name, nil, err
	}
	c, err := s.admit(ctx, header, watchLock, name)
	if err != nil {
		return name, nil, err
	}
	if _, known := s.keeper.Known(name); !known {
		return name, nil, lockFailure(locks.ErrGone, name)
	}
	end, err = c.stream()
	return name, end, err
}

// followLock tells who holds a lock and then every change; of changes that come faster than they are read, the last. It ends with an error.
func (s *lockService) followLock(ctx context.Context, name types.NamespacedName) iter.Seq2[*zenleadv1.WatchLockResponse, error] {
	return func(yield func(*zenleadv1.WatchLockResponse, error) bool) {
		changed, end := s.keeper.Follow(name)
		defer end()
		beat, look := time.NewTicker(beatEvery), time.NewTicker(time.Second)
		defer beat.Stop()
		defer look.Stop()
		until := s.api.now().Add(streamsLast - rand.N(streamsLast/5))
		var told *v1alpha1.ManualLock
		for {
			o, known := s.keeper.Known(name)
			switch {
			case !known:
				yield(nil, lockFailure(locks.ErrGone, name))
				return
			case o != told:
				told = o
				if !yield(&zenleadv1.WatchLockResponse{Event: &zenleadv1.WatchLockResponse_State{State: lockState(o)}}, nil) {
					return
				}
			}
			select {
			case <-changed:
			case <-beat.C:
				age, stale := s.api.age()
				h := &zenleadv1.Heartbeat{AgeMs: age.Milliseconds(), Stale: stale}
				if !yield(&zenleadv1.WatchLockResponse{Event: &zenleadv1.WatchLockResponse_Heartbeat{Heartbeat: h}}, nil) {
					return
				}
			case <-look.C:
				if s.api.ended() || s.api.now().After(until) {
					yield(nil, fail(codes.Unavailable, reasonDraining, "the stream has lasted long enough, or this replica ends; open it anew"))
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// serveLockEvents is WatchLock as server-sent events.
func (s *lockService) serveLockEvents(w http.ResponseWriter, r *http.Request, path map[string]string) {
	q := &zenleadv1.WatchLockRequest{}
	err := parseQuery(r.URL.RawQuery, q)
	var name types.NamespacedName
	var end func()
	if err == nil {
		name, end, err = s.watcher(r.Context(), r.Header.Get("Authorization"), path["lock"], q.GetNamespace())
	}
	if err != nil {
		answerError(r.Context(), nil, nil, w, r, err)
		return
	}
	defer end()
	out := newEventWriter(w, s.api.sendWithin)
	for m, err := range s.followLock(r.Context(), name) {
		if err != nil {
			out.last(err)
			return
		}
		kind, body := "lock", any(lockBodyOf(m.GetState()))
		if h := m.GetHeartbeat(); h != nil {
			kind, body = "heartbeat", heartbeatBody{AgeMs: h.GetAgeMs(), Stale: h.GetStale()}
		}
		data, err := json.Marshal(body)
		if err != nil || out.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, data)) != nil {
			return // the reader is gone, or slow
		}
	}
}

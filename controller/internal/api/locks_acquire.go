package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/locks"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

const (
	longestRequestID = 64
	longestOwner     = 128
	// longestWait is the most that can be waited for a lock at once.
	longestWait = 24 * time.Hour
)

// Acquire asks for a lock, and waits for it.
func (s *lockService) Acquire(q *zenleadv1.AcquireRequest, stream grpc.ServerStreamingServer[zenleadv1.AcquireResponse]) error {
	return s.acquire(stream.Context(), bearer(stream.Context()), q, stream.Send)
}

// acquire asks for a lock, here or at its home, and sends what becomes of it.
func (s *lockService) acquire(ctx context.Context, header string, q *zenleadv1.AcquireRequest, send func(*zenleadv1.AcquireResponse) error) error {
	arrived := s.keeper.Arrives()
	name, err := lockNamed(q.GetLock(), q.GetNamespace())
	if err != nil {
		return err
	}
	w, err := wishOf(q.GetAcquisition())
	if err != nil {
		return err
	}
	caller, err := s.admit(ctx, header, acquireLock, name)
	if err != nil {
		return err
	}
	if w.Account = caller.name; w.Owner == "" {
		w.Owner = cmp.Or(locks.Cut(caller.name, longestOwner), "?")
	}
	o, err := s.keeper.Find(ctx, name)
	if err != nil {
		return lockFailure(err, name)
	}
	if w.TTL, err = ttlOf(&o.Spec, q.GetAcquisition().GetTtlSeconds()); err != nil {
		return err
	}
	end, err := caller.stream()
	if err != nil {
		return err
	}
	defer end()
	if err := s.keeper.Current(arrived); err != nil {
		return lockFailure(err, name)
	}
	if there, err := s.passAcquire(ctx, header, name, q, send); there {
		return err
	}
	return s.grant(ctx, name, w, send)
}

// grant has the keeper grant the lock, and tells what becomes of it.
func (s *lockService) grant(ctx context.Context, name types.NamespacedName, w locks.Wish, send func(*zenleadv1.AcquireResponse) error) error {
	// A request that was held up on its way may arrive together with its end: whoever sent it may have had the lock elsewhere since, and hears
	// nothing any more.
	if err := ctx.Err(); err != nil {
		return lockFailure(err, name)
	}
	seat := s.keeper.Ask(ctx, name, w)
	told := false
	defer func() { seat.Leave(told) }()
	ended := time.NewTicker(time.Second)
	defer ended.Stop()
	answer := func(a lock.Answer) error {
		if err := ctx.Err(); err != nil {
			return lockFailure(err, name)
		}
		told = !slices.ContainsFunc([]error{locks.ErrUnknown, locks.ErrAway, lock.ErrOvertaken}, func(open error) bool { return errors.Is(a.Err, open) })
		return granted(a, name, send)
	}
	for {
		select {
		case a := <-seat.Answer:
			return answer(a)
		case p := <-seat.Places:
			select {
			case a := <-seat.Answer: // which is more
				return answer(a)
			default:
			}
			place := &zenleadv1.Waiting{Place: int32(p.Number), Holder: p.Holder} //nolint:gosec // at most 10,000 wait
			if err := send(&zenleadv1.AcquireResponse{Event: &zenleadv1.AcquireResponse_Waiting{Waiting: place}}); err != nil {
				return err
			}
		case <-ended.C:
			if s.api.ended() {
				return fail(codes.Unavailable, reasonDraining, "this replica ends; another one goes on")
			}
		case <-ctx.Done():
			return lockFailure(ctx.Err(), name)
		}
	}
}

func granted(a lock.Answer, name types.NamespacedName, send func(*zenleadv1.AcquireResponse) error) error {
	if a.Err != nil {
		return lockFailure(a.Err, name)
	}
	return send(&zenleadv1.AcquireResponse{Event: &zenleadv1.AcquireResponse_Granted{Granted: &zenleadv1.Granted{
		RequestId: a.ID, Token: a.Holder.Token, TtlSeconds: int32(a.Holder.TTL / time.Second),
		WaitedMs: a.Waited.Milliseconds(), Home: a.Holder.Home,
	}}})
}

// wishOf reads what is asked for.
func wishOf(a *zenleadv1.Acquisition) (locks.Wish, error) {
	w := locks.Wish{Request: lock.Request{ID: a.GetRequestId(), Owner: a.GetOwner()}, Attempt: a.GetAttempt(), Wait: -1}
	if err := checkRequestID(w.ID); err != nil {
		return w, err
	}
	if len(w.Owner) > longestOwner || !utf8.ValidString(w.Owner) {
		return w, fail(codes.InvalidArgument, reasonInvalidArgument, "owner: must be at most %d bytes of text", longestOwner)
	}
	if a.GetTtlSeconds() < 0 || w.Attempt < 0 {
		return w, fail(codes.InvalidArgument, reasonInvalidArgument, "ttlSeconds, attempt: must not be negative")
	}
	if a.GetWait() != nil {
		w.Wait = a.GetWait().AsDuration()
		if !a.GetWait().IsValid() || w.Wait < 0 || w.Wait > longestWait {
			return w, fail(codes.InvalidArgument, reasonInvalidArgument, "wait: must be 0s to %.0fs", longestWait.Seconds())
		}
	}
	return w, nil
}

// Where neither the caller nor the lock says how long, in seconds, it is held after a renewal.
const (
	defaultTTL = 15
	leastTTL   = 1
	mostTTL    = 300
)

// ttlOf is how long a lock is held after a renewal, by a holder that wishes for so many seconds; 0 is no wish.
func ttlOf(s *v1alpha1.ManualLockSpec, wish int32) (time.Duration, error) {
	least, most := int32(leastTTL), int32(mostTTL)
	if b := s.TTLSeconds; b != nil && b.Min != nil {
		least = *b.Min
	}
	if b := s.TTLSeconds; b != nil && b.Max != nil {
		most = *b.Max
	}
	if wish == 0 {
		wish = min(max(defaultTTL, least), most)
	}
	if wish < least || wish > most {
		return 0, fail(codes.InvalidArgument, reasonInvalidArgument, "ttlSeconds: must be %d to %d, as the lock's spec.ttlSeconds says", least, most)
	}
	return time.Duration(wish) * time.Second, nil
}

func checkRequestID(id string) error {
	switch {
	case id == "":
		return fail(codes.InvalidArgument, reasonInvalidArgument, "requestId: is missing; make another one for each acquisition: a UUID")
	case len(id) > longestRequestID:
		return fail(codes.InvalidArgument, reasonInvalidArgument, "requestId: must be at most %d bytes", longestRequestID)
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return fail(codes.InvalidArgument, reasonInvalidArgument, "requestId: must hold only letters, digits, '-', '_' and '.'")
		}
	}
	return nil
}

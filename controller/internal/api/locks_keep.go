package api

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kube-zen/zen-lead/core/lock"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

const (
	// mostRenewed is how many locks one request may renew.
	mostRenewed = 1000
	// movedAtOnce is how many of them are moved to this replica side by side.
	movedAtOnce = 16
	// longestReason is how many bytes the reason of a forced release may have.
	longestReason = 256
)

// Release gives up a lock, or the wait for it.
func (s *lockService) Release(ctx context.Context, q *zenleadv1.ReleaseRequest) (*zenleadv1.ReleaseResponse, error) {
	name, err := lockNamed(q.GetLock(), q.GetNamespace())
	if err != nil {
		return nil, err
	}
	h := q.GetHolding()
	if err := checkHolding(h); err != nil {
		return nil, err
	}
	c, err := s.api.access.identify(ctx, bearer(ctx))
	if err == nil {
		err = c.request()
	}
	if err != nil {
		return nil, err
	}
	if err := s.concerns(ctx, c, name, h.GetRequestId()); err != nil {
		return nil, err
	}
	if there, err := s.passRelease(ctx, name, q); there {
		return &zenleadv1.ReleaseResponse{}, err
	}
	r := lock.Release{ID: h.GetRequestId(), Account: c.name, Token: h.GetToken()}
	// Who has lost the right may release, too; but not make anybody read or write for nothing.
	if _, known := s.keeper.Known(name); known {
		r.Settle = s.mayAsk(ctx, bearer(ctx), c, keepLock, name) == nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	err = s.keeper.Release(ctx, name, r)
	if err != nil {
		return nil, lockFailure(err, name)
	}
	return &zenleadv1.ReleaseResponse{}, nil
}

// concerns refuses a caller that has nothing to do with a lock: it may not acquire it, nor does it hold it by that request. Who may not any more and
// waits loses its place with its stream. Others are told nothing of the lock, not even that there is one, and have nothing read.
func (s *lockService) concerns(ctx context.Context, c *caller, name types.NamespacedName, requestID string) error {
	err := s.mayAsk(ctx, bearer(ctx), c, keepLock, name)
	f, failed := errors.AsType[*failure](err)
	switch {
	case !failed || unanswered(err):
		return nil
	case f.reason != reasonForbidden:
		return err
	}
	if h := s.keeper.HolderOf(name); h != nil && h.ID == requestID && h.Account == c.name {
		return nil
	}
	return lockFailure(lock.ErrLost, name)
}

func checkHolding(h *zenleadv1.Holding) error {
	if h.GetToken() < 0 || h.GetAttempt() < 0 {
		return fail(codes.InvalidArgument, reasonInvalidArgument, "token, attempt: must not be negative")
	}
	return checkRequestID(h.GetRequestId())
}

// RenewLock keeps one lock.
func (s *lockService) RenewLock(ctx context.Context, q *zenleadv1.RenewLockRequest) (*zenleadv1.RenewLockResponse, error) {
	r := &zenleadv1.Renewal{Lock: q.GetLock(), Namespace: q.GetNamespace(), Holding: q.GetHolding()}
	renewed, err := s.renew(ctx, bearer(ctx), []*zenleadv1.Renewal{r})
	if err != nil {
		return nil, err
	}
	if renewed[0].err != nil {
		return nil, renewed[0].err
	}
	return &zenleadv1.RenewLockResponse{Home: renewed[0].home}, nil
}

// Renew keeps any number of locks.
func (s *lockService) Renew(ctx context.Context, q *zenleadv1.RenewRequest) (*zenleadv1.RenewResponse, error) {
	renewed, err := s.renew(ctx, bearer(ctx), q.GetLocks())
	if err != nil {
		return nil, err
	}
	answer := &zenleadv1.RenewResponse{Locks: make([]*zenleadv1.Renewed, len(renewed))}
	for i, r := range renewed {
		answer.Locks[i] = &zenleadv1.Renewed{Home: r.home}
		if r.err != nil {
			f := failureOf(r.err)
			answer.Locks[i].Error = &zenleadv1.Error{Reason: f.reason, Message: f.message}
		}
	}
	return answer, nil
}

// renewed is what became of one renewal.
type renewed struct {
	home string
	err  error
}

// renewal is one that was let in.
type renewal struct {
	at   int
	name types.NamespacedName
	lock.Renew
	home string
	sent *zenleadv1.Renewal
}

func (s *lockService) renew(ctx context.Context, header string, all []*zenleadv1.Renewal) ([]renewed, error) {
	if len(all) > mostRenewed {
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "locks: at most %d in one request", mostRenewed)
	}
	c, err := s.api.access.identify(ctx, header)
	if err == nil {
		err = c.request()
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	results := make([]renewed, len(all))
	here, away := []renewal{}, map[string][]renewal{}
	self, _ := s.self.Term()
	for i, r := range all {
		if err := ctx.Err(); err != nil { // nobody waits any more
			return nil, lockFailure(err, types.NamespacedName{})
		}
		one, err := s.admitRenewal(ctx, header, c, i, r)
		switch home := one.home; {
		case err != nil:
			results[i].err = err
		case home == self || home == "" || passedOn(ctx):
			here = append(here, one)
		default:
			away[home] = append(away[home], one)
		}
	}
	var group errgroup.Group
	for home, list := range away {
		group.Go(func() error {
			s.renewAt(ctx, header, home, list, results)
			return nil
		})
	}
	s.renewHere(ctx, here, results)
	return results, group.Wait()
}

// admitRenewal lets one renewal in.
func (s *lockService) admitRenewal(ctx context.Context, header string, c *caller, i int, r *zenleadv1.Renewal) (renewal, error) {
	name, err := lockNamed(r.GetLock(), r.GetNamespace())
	if err == nil {
		err = checkHolding(r.GetHolding())
	}
	if err != nil {
		return renewal{}, err
	}
	err = s.mayAsk(ctx, header, c, keepLock, name)
	h := r.GetHolding()
	return renewal{
		at: i, name: name, home: h.GetHome(), sent: r,
		Renew: lock.Renew{ID: h.GetRequestId(), Token: h.GetToken(), Account: c.name, Attempt: h.GetAttempt()},
	}, err
}

// mayAsk lets in who may do this with all locks of the namespace, or with this one. A question about one counts as a request: one renewal has a
// thousand.
func (s *lockService) mayAsk(ctx context.Context, header string, c *caller, v verb, name types.NamespacedName) error {
	one := func() error {
		err := c.request()
		if err == nil {
			_, err = s.api.access.admit(ctx, header, v, name)
		}
		return err
	}
	if s.api.access.grants.get(questionOf(header, v, name)) != nil { // it may not with all, as was found before
		return one()
	}
	_, err := s.api.access.admit(ctx, header, v, types.NamespacedName{Namespace: name.Namespace})
	if f, ok := errors.AsType[*failure](err); ok && f.reason == reasonForbidden {
		return one()
	}
	return err
}

// renewHere keeps those whose home this is, or becomes.
func (s *lockService) renewHere(ctx context.Context, list []renewal, results []renewed) {
	var group errgroup.Group
	group.SetLimit(movedAtOnce)
	for _, r := range list {
		if s.keeper.Keep(r.name, r.Renew, r.home) {
			results[r.at].home = r.home
			continue
		}
		group.Go(func() error {
			home, err := s.keeper.Renew(ctx, r.name, r.Renew)
			results[r.at] = renewed{home, lockFailure(err, r.name)}
			return nil
		})
	}
	_ = group.Wait() // none returns an error
}

// ForceRelease takes a lock from its holder.
func (s *lockService) ForceRelease(ctx context.Context, q *zenleadv1.ForceReleaseRequest) (*zenleadv1.ForceReleaseResponse, error) {
	name, err := lockNamed(q.GetLock(), q.GetNamespace())
	if err != nil {
		return nil, err
	}
	f := q.GetForce()
	switch {
	case f.GetToken() <= 0:
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "token: is missing; it is the holder's")
	case f.GetReason() == "" || len(f.GetReason()) > longestReason:
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "reason: must be 1 to %d bytes; it is recorded", longestReason)
	}
	c, err := s.admit(ctx, bearer(ctx), forceRelease, name)
	if err != nil {
		return nil, err
	}
	if answer, there, err := s.passForce(ctx, name, q); there {
		return answer, err
	}
	log.FromContext(ctx).WithName("api").Info("Asked to take a lock from its holder", "lock", name, "by", c.name, "reason", f.GetReason(), "now", f.GetNow())
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	free, err := s.keeper.Force(ctx, name, lock.Force{Token: f.GetToken(), Forced: lock.Forced{By: c.name, Reason: f.GetReason()}, Now: f.GetNow()})
	if err != nil {
		return nil, lockFailure(err, name)
	}
	if free == 0 {
		return &zenleadv1.ForceReleaseResponse{Message: "it was taken from its holder"}, nil
	}
	return &zenleadv1.ForceReleaseResponse{
		Message:  "its holder is told with its next renewal; the lock is granted when it has released it, or " + free.Round(time.Millisecond).String() + " from now",
		FreeInMs: free.Milliseconds(),
	}, nil
}

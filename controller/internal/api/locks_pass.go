package api

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/types"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// renewAtWithin is how long renewals may take at another replica, before this one keeps the holders.
const renewAtWithin = 2 * time.Second

// homeOf is where what concerns a lock is done: at the replica that it is best kept by. The address is "" where that is here.
func (s *lockService) homeOf(ctx context.Context, name types.NamespacedName) (home, address string, err error) {
	if home, passed := meantFor(ctx); passed {
		return "", "", s.isMe(home)
	}
	home, address = s.self.Home(name)
	return home, address, nil
}

// isMe refuses what was passed on to somebody that this replica is not any more.
func (s *lockService) isMe(home string) error {
	if self, valid := s.self.Term(); home != self || !valid {
		return fail(codes.Unavailable, reasonUnavailable, "%s is not here, or does not count at present", quoted(home))
	}
	return nil
}

// reach returns what asks the replica at an address; nil where there is none.
func (s *lockService) reach(address string) zenleadv1.LockServiceClient {
	if address == "" {
		return nil
	}
	there, err := s.replicas.at(address)
	if err != nil {
		return nil
	}
	return there
}

// answered says whether an error is what a replica said, which then is the answer; else nobody did, and who asks is served here. That a
// replica is not whom it was meant for, or does not count, is no answer either.
func answered(err error) bool {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return info.GetReason() != reasonUnavailable && info.GetReason() != reasonDraining
		}
	}
	return false
}

// passAcquire has the lock's home serve a request. there is false where it is to be served here.
func (s *lockService) passAcquire(
	ctx context.Context, header string, name types.NamespacedName, q *zenleadv1.AcquireRequest, send func(*zenleadv1.AcquireResponse) error,
) (there bool, err error) {
	home, address, err := s.homeOf(ctx, name)
	if address == "" || err != nil {
		return err != nil, err
	}
	client, left, err := s.replicas.waitAt(address)
	if err != nil {
		return false, nil
	}
	defer left()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Acquire(passing(ctx, header, home), q)
	if err != nil {
		return false, nil
	}
	for told := false; ; told = true {
		m, err := stream.Recv()
		switch {
		case err == nil:
			if err := send(m); err != nil {
				return true, err
			}
		case errors.Is(err, io.EOF):
			return true, nil
		case ctx.Err() != nil:
			return true, lockFailure(ctx.Err(), name)
		case told || answered(err):
			return true, passedBack(err)
		default:
			return false, nil
		}
	}
}

// passedBack is what another replica said, or that it said nothing.
func passedBack(err error) error {
	if answered(err) {
		return err
	}
	return fail(codes.Unavailable, reasonUnknown, "the replica that keeps the lock has gone; ask again with the same requestId")
}

func (s *lockService) passRelease(ctx context.Context, name types.NamespacedName, q *zenleadv1.ReleaseRequest) (there bool, err error) {
	home, address, err := s.homeOf(ctx, name)
	if err != nil {
		return true, err
	}
	client := s.reach(address)
	if client == nil {
		return false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, settleWithin/2)
	defer cancel()
	_, err = client.Release(passing(bounded, bearer(ctx), home), q)
	if err == nil || answered(err) || ctx.Err() != nil {
		return true, err
	}
	return false, nil // it may be repeated
}

// renewAt has another replica keep those that it keeps; where it does not answer they are kept here from now on.
func (s *lockService) renewAt(ctx context.Context, header, home string, list []renewal, results []renewed) {
	if address, lives := s.self.Lives(home); lives {
		if client := s.reach(address); client != nil && s.passRenewals(ctx, client, header, home, list, results) {
			return
		}
	}
	for i := range list {
		list[i].home = ""
	}
	s.renewHere(ctx, list, results)
}

func (s *lockService) passRenewals(ctx context.Context, client zenleadv1.LockServiceClient, header, home string, list []renewal, results []renewed) bool {
	ctx, cancel := context.WithTimeout(ctx, shareOf(ctx, renewAtWithin))
	defer cancel()
	q := &zenleadv1.RenewRequest{}
	for _, r := range list {
		q.Locks = append(q.Locks, r.sent)
	}
	answer, err := client.Renew(passing(ctx, header, home), q)
	if err != nil || len(answer.GetLocks()) != len(list) {
		return false
	}
	for i, r := range list {
		got := answer.GetLocks()[i]
		results[r.at] = renewed{home: got.GetHome()}
		if e := got.GetError(); e != nil {
			results[r.at].err = fail(codeOf(e.GetReason()), e.GetReason(), "%s", e.GetMessage())
		}
	}
	return true
}

// shareOf is how much of a caller's time another replica may have, at most so much: the rest is for this one.
func shareOf(ctx context.Context, most time.Duration) time.Duration {
	until, ok := ctx.Deadline()
	if !ok {
		return most
	}
	return min(most, time.Until(until)/2)
}

// passForce has the holder's home take the lock from it, which stops to hear it at once. Where that replica lives and cannot be reached, only
// Now is left: nobody else can make it stop.
func (s *lockService) passForce(ctx context.Context, name types.NamespacedName, q *zenleadv1.ForceReleaseRequest) (answer *zenleadv1.ForceReleaseResponse, there bool, err error) {
	if home, passed := meantFor(ctx); passed {
		err := s.isMe(home)
		return nil, err != nil, err
	}
	h := s.keeper.HolderOf(name)
	self, _ := s.self.Term()
	if h == nil || h.Home == self {
		return nil, false, nil
	}
	address, lives := s.self.Lives(h.Home)
	if !lives {
		return nil, false, nil
	}
	if client := s.reach(address); client != nil {
		bounded, cancel := context.WithTimeout(ctx, settleWithin/2)
		defer cancel()
		answer, err = client.ForceRelease(passing(bounded, bearer(ctx), h.Home), q)
		if err == nil || answered(err) {
			return answer, true, err
		}
	}
	if q.GetForce().GetNow() {
		return nil, false, nil
	}
	return nil, true, fail(codes.Unavailable, reasonUnavailable,
		"%s, which keeps the holder, cannot be reached from here; try again, or set now, and two may work at once", h.Home)
}

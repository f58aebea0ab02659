package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kube-zen/zen-lead/controller/internal/locks"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lock"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// lockService grants locks. Its methods are safe for concurrent use.
type lockService struct {
	zenleadv1.UnimplementedLockServiceServer

	api      *service
	keeper   *locks.Keeper
	self     locks.Self
	replicas *replicas
}

func newLockService(s *service, k *locks.Keeper, self locks.Self, r *replicas) *lockService {
	return &lockService{api: s, keeper: k, self: self, replicas: r}
}

// admit lets a caller in that may do this with a lock: with all locks of the namespace, which is asked once for all of them, or with this
// one.
func (s *lockService) admit(ctx context.Context, header string, v verb, name types.NamespacedName) (*caller, error) {
	return s.api.access.counted(header, func() (*caller, error) {
		c, err := s.api.access.admit(ctx, header, v, types.NamespacedName{Namespace: name.Namespace})
		if f, ok := errors.AsType[*failure](err); ok && f.reason == reasonForbidden && name.Name != "" {
			c, err = s.api.access.admit(ctx, header, v, name)
			if _, known := s.keeper.Known(name); !known {
				s.api.access.grants.drop(questionOf(header, v, name)) // there are any number of names that nothing has
			}
		}
		if err == nil && len(c.name) > longestAccount {
			err = fail(codes.PermissionDenied, reasonForbidden, "an account whose name has more than %d bytes cannot be written down as who holds a lock", longestAccount)
		}
		return c, err
	})
}

// longestAccount is how many bytes the name of an account may have that stands in a record.
const longestAccount = 512

// lockNamed returns the lock that a request names.
func lockNamed(name, namespace string) (types.NamespacedName, error) {
	n := types.NamespacedName{Namespace: cmp.Or(namespace, defaultNamespace), Name: name}
	switch {
	case name == "":
		return n, fail(codes.InvalidArgument, reasonInvalidArgument, "lock: is missing")
	case len(content.IsDNS1123Label(name)) > 0:
		return n, fail(codes.InvalidArgument, reasonInvalidArgument, "lock: %s is no name of one: lower-case letters, digits and '-'", quoted(name))
	case len(content.IsDNS1123Label(n.Namespace)) > 0:
		return n, fail(codes.InvalidArgument, reasonInvalidArgument, "namespace: %s is no name of one", quoted(namespace))
	}
	return n, nil
}

// lockFailure is what a caller is told of an error.
func lockFailure(err error, name types.NamespacedName) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, lock.ErrHeld):
		return fail(codes.FailedPrecondition, reasonHeld, "%s", err.Error())
	case errors.Is(err, lock.ErrFull):
		return fail(codes.ResourceExhausted, reasonQueueFull, "%s", err.Error())
	case errors.Is(err, lock.ErrLost):
		return fail(codes.FailedPrecondition, reasonLost, "%s", err.Error())
	case errors.Is(err, lock.ErrFinished):
		return fail(codes.AlreadyExists, reasonFinished, "%s: make another requestId for another acquisition", err.Error())
	case errors.Is(err, lock.ErrForeign):
		return fail(codes.PermissionDenied, reasonForbidden, "%s", err.Error())
	case errors.Is(err, locks.ErrGone):
		return fail(codes.NotFound, reasonUnknownLock, "there is no ManualLock %q in namespace %q", name.Name, name.Namespace)
	case errors.Is(err, locks.ErrAway):
		return fail(codes.Unavailable, reasonUnavailable, "%s", locks.ErrAway.Error())
	case errors.Is(err, lock.ErrOvertaken), errors.Is(err, locks.ErrUnknown), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fail(codes.Unavailable, reasonUnknown, "%s; ask again with the same requestId", locks.ErrUnknown.Error())
	}
	return err
}

// GetLock tells who holds a lock.
func (s *lockService) GetLock(ctx context.Context, q *zenleadv1.GetLockRequest) (*zenleadv1.GetLockResponse, error) {
	name, err := lockNamed(q.GetLock(), q.GetNamespace())
	if err != nil {
		return nil, err
	}
	if _, err := s.admit(ctx, bearer(ctx), getLock, name); err != nil {
		return nil, err
	}
	o, ok := s.keeper.Known(name)
	if !ok {
		return nil, lockFailure(locks.ErrGone, name)
	}
	return &zenleadv1.GetLockResponse{State: lockState(o)}, nil
}

// ListLocks tells who holds each lock.
func (s *lockService) ListLocks(ctx context.Context, q *zenleadv1.ListLocksRequest) (*zenleadv1.ListLocksResponse, error) {
	if n := q.GetNamespace(); n != "" && len(content.IsDNS1123Label(n)) > 0 {
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "namespace: %s is no name of one", quoted(n))
	}
	size := int(q.GetPageSize())
	if size < 0 || size > mostListed {
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "pageSize: must be 0 to %d", mostListed)
	}
	from, err := parsePage(q.GetPageToken())
	if err != nil {
		return nil, err
	}
	if _, err := s.admit(ctx, bearer(ctx), listLocks, types.NamespacedName{Namespace: q.GetNamespace()}); err != nil {
		return nil, err
	}
	list, more := s.keeper.List(q.GetNamespace(), from.after, cmp.Or(size, mostListed))
	answer := &zenleadv1.ListLocksResponse{}
	for _, o := range list {
		answer.Locks = append(answer.Locks, lockState(o))
	}
	if more {
		last := list[len(list)-1]
		answer.NextPageToken = page{types.NamespacedName{Namespace: last.Namespace, Name: last.Name}}.token()
	}
	return answer, nil
}

// lockState is a lock as callers get it.
func lockState(o *v1alpha1.ManualLock) *zenleadv1.LockState {
	m := &zenleadv1.LockState{Lock: o.Name, Namespace: o.Namespace, Token: o.Status.Token}
	if o.Status.Waiting != nil {
		m.Waiting = *o.Status.Waiting
	}
	if len(o.Status.Holders) > 0 {
		h := o.Status.Holders[0]
		m.Holder = &zenleadv1.LockHolder{
			Owner: h.Owner, Account: h.Account, RequestId: h.RequestID, Token: h.Token, Since: moment(h.Since),
			TtlSeconds: h.TTLSeconds, Home: h.Home, Forced: h.Forced != nil,
		}
	}
	for _, w := range o.Status.Waiters {
		m.Waiters = append(m.Waiters, &zenleadv1.LockWaiter{Owner: w.Owner, Account: w.Account, RequestId: w.RequestID, Since: moment(w.Since)})
	}
	if l := o.Status.LastTransition; l != nil {
		m.LastTransition = &zenleadv1.LockTransition{Reason: l.Reason, Time: moment(l.Time), Message: l.Message}
	}
	return m
}

func moment(t *metav1.MicroTime) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(t.Time)
}

// settleWithin is how long a request about a lock may take here, if its caller is that patient.
const settleWithin = 30 * time.Second

package api

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/locks"
	"github.com/kube-zen/zen-lead/core/lock"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// other is another replica, which answers renewals.
type other struct {
	zenleadv1.LockServiceClient

	answer *zenleadv1.RenewResponse
}

func (o *other) Renew(context.Context, *zenleadv1.RenewRequest, ...grpc.CallOption) (*zenleadv1.RenewResponse, error) {
	return o.answer, nil
}

// away is an API server that counts what it is asked, and answers nothing.
type away struct {
	client.Reader

	asked int
}

func (a *away) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	a.asked++
	return errors.New("away")
}

func TestWhoHasGoneAsksForNothing(t *testing.T) {
	ctx, gone := context.WithCancel(t.Context())
	gone()
	server := &away{}
	s := newLockService(newQuietRig().s, locks.New(t.Context(), alone{}, time.Minute, server, nil), alone{}, newReplicas(nil, nil))
	err := s.grant(ctx, web, locks.Wish{Request: lock.Request{ID: "a"}, TTL: time.Minute}, func(*zenleadv1.AcquireResponse) error { return nil })
	if f := failureOf(err); f.reason != reasonUnknown || server.asked > 0 {
		t.Errorf("told %v, after %d reads", err, server.asked)
	}
}

// pause is an API server that has any lock, once, and a process that stands still while it answers.
type pause struct {
	client.Reader

	asked int
	still atomic.Int64
}

func (p *pause) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	if p.asked++; p.asked > 1 {
		return errors.New("away")
	}
	p.still.Add(int64(5 * time.Second))
	return nil
}

func TestWhatCameBeforeAReplicaStoodStillIsNotAskedAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &pause{}
		k := locks.New(t.Context(), alone{}, time.Minute, server, nil)
		k.Now = func() time.Time { return time.Now().Add(time.Duration(server.still.Load())) }
		ctx, end := context.WithCancel(t.Context())
		defer end()
		go k.Run(ctx)
		synctest.Wait()
		r := newQuietRig()
		r.judge.locks = true
		s := newLockService(r.s, k, alone{}, newReplicas(nil, nil))
		err := s.acquire(ctx, "Bearer good", &zenleadv1.AcquireRequest{Lock: "web", Acquisition: &zenleadv1.Acquisition{RequestId: "a"}}, nil)
		if f := failureOf(err); f.reason != reasonUnavailable || server.asked != 1 {
			t.Errorf("told %v, after %d reads", err, server.asked)
		}
	})
}

// asleep is another replica, which answers nothing.
type asleep struct{ zenleadv1.LockServiceClient }

func (asleep) Renew(ctx context.Context, _ *zenleadv1.RenewRequest, _ ...grpc.CallOption) (*zenleadv1.RenewResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAReplicaThatDoesNotAnswerLeavesTimeToRenewHere(t *testing.T) {
	for caller, passed := range map[time.Duration]time.Duration{time.Minute: renewAtWithin, 3 * time.Second: 1500 * time.Millisecond, 200 * time.Millisecond: 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), caller)
			defer cancel()
			began := time.Now()
			s := &lockService{}
			if s.passRenewals(ctx, asleep{}, "Bearer x", "other", []renewal{{}}, make([]renewed, 1)) {
				t.Error("it was renewed by nobody")
			}
			if took := time.Since(began); took != passed {
				t.Errorf("%v of %v", took, caller)
			}
		})
	}
}

func TestWhatAnotherReplicaSaysOfARenewalHasTheSameStatus(t *testing.T) {
	s := newQuietRig().s.locks
	for _, err := range []error{lock.ErrLost, lock.ErrForeign, locks.ErrGone, locks.ErrAway, locks.ErrUnknown} {
		here := failureOf(lockFailure(err, web))
		there := &other{answer: &zenleadv1.RenewResponse{Locks: []*zenleadv1.Renewed{{Error: &zenleadv1.Error{Reason: here.reason, Message: here.message}}}}}
		results := make([]renewed, 1)
		if !s.passRenewals(t.Context(), there, "", "zen-lead.other", []renewal{{}}, results) {
			t.Fatal("not passed on")
		}
		if f := failureOf(results[0].err); f.code != here.code || statusOf(f) != statusOf(here) {
			t.Errorf("%s: %s, %d, and from here %s, %d", here.reason, f.code, statusOf(f), here.code, statusOf(here))
		}
	}
}

func TestAThousandRenewalsAreOneRequest(t *testing.T) {
	r := newRig(t)
	c, err := grpc.NewClient(r.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: r.roots})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	q := &zenleadv1.RenewRequest{}
	for range mostRenewed {
		q.Locks = append(q.Locks, &zenleadv1.Renewal{
			Lock: strings.Repeat("l", 63), Namespace: strings.Repeat("n", 63),
			Holding: &zenleadv1.Holding{RequestId: strings.Repeat("r", longestRequestID), Token: lock.MaxToken, Attempt: 1 << 62, Home: "zen-lead." + strings.Repeat("h", 69)},
		})
	}
	answer, err := zenleadv1.NewLockServiceClient(c).Renew(bearing(t.Context(), "good"), q)
	if err != nil || len(answer.GetLocks()) != mostRenewed {
		t.Errorf("%d bytes: %v", proto.Size(q), err)
	}
}

func TestABodyThatDoesNotComeIsNotWaitedForForEver(t *testing.T) {
	handler, err := newQuietRig().s.handler(t.Context(), openAPI)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	defer server.Close()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = fmt.Fprint(c, "POST /v1/locks/report/acquire HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("it is waited for: %v", err)
	}
	_ = answer.Body.Close()
}

func TestAStrangersReleaseTellsItNothing(t *testing.T) {
	r := newQuietRig() // nobody may do anything with locks, and there is no API server to read them from
	_, err := r.s.locks.Release(asGood(t.Context()), &zenleadv1.ReleaseRequest{Lock: "secret", Holding: &zenleadv1.Holding{RequestId: "x"}})
	if f := failureOf(err); f.reason != reasonLost || f.message != lock.ErrLost.Error() {
		t.Errorf("%v", err)
	}
}

func TestRenewalsOfWhoMayNothingAreCounted(t *testing.T) {
	s := newQuietRig().s.locks
	counted := false
	for n := range 4 {
		q := &zenleadv1.RenewRequest{}
		for i := range mostRenewed {
			q.Locks = append(q.Locks, &zenleadv1.Renewal{Lock: fmt.Sprintf("l%d-%d", n, i), Holding: &zenleadv1.Holding{RequestId: "x", Token: 1}})
		}
		answer, err := s.Renew(asGood(t.Context()), q)
		counted = counted || err != nil && failureOf(err).reason == reasonTooMany
		for _, l := range answer.GetLocks() {
			counted = counted || l.GetError().GetReason() == reasonTooMany
		}
	}
	if !counted {
		t.Error("the API server is asked about any number of names")
	}
}

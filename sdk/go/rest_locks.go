package zenlead

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// renewedAtOnce is how many locks are renewed side by side: each is a request of its own.
const renewedAtOnce = 32

func (t *restTransport) acquire(ctx context.Context, r *zenleadv1.AcquireRequest) (*zenleadv1.Granted, error) {
	granted := &zenleadv1.Granted{}
	if err := t.post(ctx, r.GetNamespace(), r.GetLock(), "acquire", r.GetAcquisition(), granted); err != nil {
		return nil, err
	}
	return granted, nil
}

func (t *restTransport) release(ctx context.Context, r *zenleadv1.ReleaseRequest) error {
	return t.post(ctx, r.GetNamespace(), r.GetLock(), "release", r.GetHolding(), &zenleadv1.ReleaseResponse{})
}

func (t *restTransport) renew(ctx context.Context, list []*zenleadv1.Renewal) []renewed {
	all := make([]renewed, len(list))
	free := make(chan struct{}, renewedAtOnce)
	var done sync.WaitGroup
	for i, r := range list {
		free <- struct{}{}
		done.Go(func() {
			defer func() { <-free }()
			home := &zenleadv1.RenewLockResponse{}
			err := t.post(ctx, r.GetNamespace(), r.GetLock(), "renew", r.GetHolding(), home)
			all[i] = kept(home.GetHome(), err)
		})
	}
	done.Wait()
	return all
}

// post asks for something about a lock, and reads the whole answer.
func (t *restTransport) post(ctx context.Context, namespace, lock, what string, body, into proto.Message) error {
	content, err := protojson.Marshal(body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidArgument, err)
	}
	// Until it has a connection nothing of a request has left; net/http repeats no POST of which something has.
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	request, err := t.request(traced, http.MethodPost, t.url(url.Values{"namespace": {namespace}}, "v1/locks", lock, what), content)
	if err != nil {
		return err
	}
	_, err = t.do(request, into)
	return settleLock(err, sent.Load())
}

package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Bodies of answers about locks by HTTP. Tokens are below 2^53, so that numbers are exact.
type (
	grantedBody struct {
		RequestID  string `json:"requestId"`
		Token      int64  `json:"token"`
		TTLSeconds int32  `json:"ttlSeconds"`
		WaitedMs   int64  `json:"waitedMs"`
		Home       string `json:"home"`
	}
	homeBody struct {
		Home string `json:"home"`
	}
	lockBody struct {
		Lock           string            `json:"lock"`
		Namespace      string            `json:"namespace"`
		Holder         *lockHolderBody   `json:"holder"`
		Token          int64             `json:"token"`
		Waiting        int32             `json:"waiting"`
		Waiters        []lockWaiterBody  `json:"waiters"`
		LastTransition *lockLastTimeBody `json:"lastTransition"`
	}
	lockHolderBody struct {
		Owner      string  `json:"owner"`
		Account    string  `json:"account"`
		RequestID  string  `json:"requestId"`
		Token      int64   `json:"token"`
		Since      *string `json:"since"`
		TTLSeconds int32   `json:"ttlSeconds"`
		Home       string  `json:"home"`
		Forced     bool    `json:"forced"`
	}
	lockWaiterBody struct {
		Owner     string  `json:"owner"`
		Account   string  `json:"account"`
		RequestID string  `json:"requestId"`
		Since     *string `json:"since"`
	}
	lockLastTimeBody struct {
		Reason  string  `json:"reason"`
		Time    *string `json:"time"`
		Message string  `json:"message"`
	}
	locksBody struct {
		Locks         []lockBody `json:"locks"`
		NextPageToken string     `json:"nextPageToken"`
	}
	forcedBody struct {
		Message  string `json:"message"`
		FreeInMs int64  `json:"freeInMs"`
	}
)

func lockBodyOf(m *zenleadv1.LockState) lockBody {
	b := lockBody{Lock: m.GetLock(), Namespace: m.GetNamespace(), Token: m.GetToken(), Waiting: m.GetWaiting(), Waiters: []lockWaiterBody{}}
	if h := m.GetHolder(); h != nil {
		b.Holder = &lockHolderBody{
			Owner: h.GetOwner(), Account: h.GetAccount(), RequestID: h.GetRequestId(), Token: h.GetToken(), Since: written(h.GetSince()),
			TTLSeconds: h.GetTtlSeconds(), Home: h.GetHome(), Forced: h.GetForced(),
		}
	}
	for _, w := range m.GetWaiters() {
		b.Waiters = append(b.Waiters, lockWaiterBody{Owner: w.GetOwner(), Account: w.GetAccount(), RequestID: w.GetRequestId(), Since: written(w.GetSince())})
	}
	if l := m.GetLastTransition(); l != nil {
		b.LastTransition = &lockLastTimeBody{Reason: l.GetReason(), Time: written(l.GetTime()), Message: l.GetMessage()}
	}
	return b
}

func written(t *timestamppb.Timestamp) *string {
	if t == nil {
		return nil
	}
	return new(t.AsTime().Format(time.RFC3339Nano))
}

// marshalLock writes an answer about locks; ok is false where it is none.
func marshalLock(v any) (b []byte, ok bool, err error) {
	var body any
	switch m := v.(type) {
	case *zenleadv1.LockState:
		body = lockBodyOf(m)
	case *zenleadv1.ListLocksResponse:
		list := locksBody{Locks: []lockBody{}, NextPageToken: m.GetNextPageToken()}
		for _, l := range m.GetLocks() {
			list.Locks = append(list.Locks, lockBodyOf(l))
		}
		body = list
	case *zenleadv1.ReleaseResponse:
		body = struct{}{}
	case *zenleadv1.RenewLockResponse:
		body = homeBody{Home: m.GetHome()}
	case *zenleadv1.ForceReleaseResponse:
		body = forcedBody{Message: m.GetMessage(), FreeInMs: m.GetFreeInMs()}
	default:
		return nil, false, nil
	}
	b, err = json.Marshal(body)
	return b, true, err
}

// handle adds what the gateway cannot do in one process: streams.
func (s *lockService) handle(mux *runtime.ServeMux) error {
	return errors.Join(
		mux.HandlePath(http.MethodPost, "/v1/locks/{lock}/acquire", s.serveAcquire),
		mux.HandlePath(http.MethodGet, "/v1/locks/{lock}/watch", s.serveLockEvents),
	)
}

// serveAcquire answers once, when the lock is granted or is not.
func (s *lockService) serveAcquire(w http.ResponseWriter, r *http.Request, path map[string]string) {
	answer, err := s.acquireByHTTP(w, r, path["lock"])
	if err != nil {
		answerError(r.Context(), nil, nil, w, r, err)
		return
	}
	w.Header()["Content-Type"], w.Header()["Cache-Control"] = contentType, cacheControl
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin)) // every writer of net/http has one
	_ = json.NewEncoder(w).Encode(grantedBody{                                       // who asked may be gone
		RequestID: answer.GetRequestId(), Token: answer.GetToken(), TTLSeconds: answer.GetTtlSeconds(), WaitedMs: answer.GetWaitedMs(), Home: answer.GetHome(),
	})
}

func (s *lockService) acquireByHTTP(w http.ResponseWriter, r *http.Request, lock string) (*zenleadv1.Granted, error) {
	q := &zenleadv1.AcquireRequest{}
	if err := parseQuery(r.URL.RawQuery, q); err != nil {
		return nil, err
	}
	q.Lock, q.Acquisition = lock, &zenleadv1.Acquisition{}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "the body cannot be read: %s", err.Error())
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // that of the request would end the wait
	if len(body) > 0 {
		if err := protojson.Unmarshal(body, q.Acquisition); err != nil {
			return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "the body: %s", err.Error())
		}
	}
	var got *zenleadv1.Granted
	err = s.acquire(r.Context(), r.Header.Get("Authorization"), q, func(m *zenleadv1.AcquireResponse) error {
		got = m.GetGranted()
		return nil
	})
	if err == nil && got == nil {
		err = fail(codes.Unavailable, reasonUnknown, "there was no answer; ask again with the same requestId")
	}
	return got, err
}

// readLock reads the body of a request about a lock into where the gateway wants it; ok is false where it is none.
func readLock(data []byte, v any) (ok bool, err error) {
	switch to := v.(type) {
	case **zenleadv1.Holding:
		*to = &zenleadv1.Holding{}
		return true, protojson.Unmarshal(data, proto.Message(*to))
	case **zenleadv1.Force:
		*to = &zenleadv1.Force{}
		return true, protojson.Unmarshal(data, proto.Message(*to))
	}
	return false, nil
}

package api

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Bodies of answers by HTTP. The usual mapping of protobuf writes terms as strings; they are below 2^53, so that numbers are exact.
type (
	stateBody struct {
		Pool      string      `json:"pool"`
		Namespace string      `json:"namespace"`
		Leader    *leaderBody `json:"leader"`
		Term      int64       `json:"term"`
		Since     *string     `json:"since"`
		Guarantee string      `json:"guarantee"`
		AgeMs     int64       `json:"ageMs"`
	}
	leaderBody struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
		IP   string `json:"ip"`
		Node string `json:"node"`
	}
	poolsBody struct {
		Pools         []stateBody `json:"pools"`
		NextPageToken string      `json:"nextPageToken"`
		Stale         bool        `json:"stale"`
	}
	heartbeatBody struct {
		AgeMs int64 `json:"ageMs"`
		Stale bool  `json:"stale"`
	}
	movedBody struct {
		Message string `json:"message"`
		Term    int64  `json:"term"`
	}
	errorBody struct {
		Error struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"error"`
	}
)

func bodyOf(s *zenleadv1.LeaderState) stateBody {
	b := stateBody{Pool: s.GetPool(), Namespace: s.GetNamespace(), Term: s.GetTerm(), Guarantee: s.GetGuarantee(), AgeMs: s.GetAgeMs()}
	if l := s.GetLeader(); l != nil {
		b.Leader = &leaderBody{Name: l.GetName(), UID: l.GetUid(), IP: l.GetIp(), Node: l.GetNode()}
	}
	if t := s.GetSince(); t != nil {
		b.Since = new(t.AsTime().Format(time.RFC3339Nano))
	}
	return b
}

func bodyOfError(f *failure) errorBody {
	var b errorBody
	b.Error.Reason, b.Error.Message = f.reason, f.message
	return b
}

// bodies writes and reads the bodies, for the gateway.
type bodies struct{}

var _ runtime.Marshaler = bodies{}

// ContentType is that of all bodies.
func (bodies) ContentType(any) string { return "application/json" }

// Marshal writes an answer.
func (bodies) Marshal(v any) ([]byte, error) {
	switch m := v.(type) {
	case *zenleadv1.ListPoolsResponse:
		b := poolsBody{Pools: []stateBody{}, NextPageToken: m.GetNextPageToken(), Stale: m.GetStale()}
		for _, s := range m.GetPools() {
			b.Pools = append(b.Pools, bodyOf(s))
		}
		return json.Marshal(b)
	case *zenleadv1.HandoverResponse:
		return json.Marshal(movedBody{Message: m.GetMessage(), Term: m.GetTerm()})
	default:
		if b, ok, err := marshalLock(v); ok {
			return b, err
		}
		return nil, errors.New("no body for that")
	}
}

// Unmarshal reads a request. Fields that there are not are refused.
func (bodies) Unmarshal(data []byte, v any) error {
	if ok, err := readLock(data, v); ok {
		return err
	}
	to, ok := v.(**zenleadv1.Move)
	if !ok {
		return errors.New("no request has such a body")
	}
	*to = &zenleadv1.Move{}
	return protojson.Unmarshal(data, *to)
}

// NewDecoder reads a request.
func (b bodies) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		switch {
		case err != nil:
			return err
		case len(data) == 0:
			return io.EOF
		}
		return b.Unmarshal(data, v)
	})
}

// NewEncoder writes an answer.
func (b bodies) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := b.Marshal(v)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
}

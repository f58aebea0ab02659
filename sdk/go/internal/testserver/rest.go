package testserver

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/leader/pool/{pool}", s.restLeader)
	mux.HandleFunc("GET /v1/pools", s.restPools)
	mux.HandleFunc("GET /v1/leader/pool/{pool}/watch", s.restWatch)
	mux.HandleFunc("POST /v1/leader/pool/{pool}/handover", s.restHandover)
	lockService{Locks: s.answers.Locks}.routes(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.admit(r.Header.Get("Authorization")); err != nil {
			fail(w, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) restLeader(w http.ResponseWriter, r *http.Request) {
	minTerm, _ := strconv.ParseInt(r.FormValue("minTerm"), 10, 64)
	response, err := s.GetLeader(r.Context(), &zenleadv1.GetLeaderRequest{
		Pool: r.PathValue("pool"), Namespace: r.FormValue("namespace"), Consistency: r.FormValue("consistency"), MinTerm: minTerm,
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("ETag", strconv.Quote(response.GetRevision()))
	if response.GetStale() {
		w.Header().Set("Warning", `110 - "Response is Stale"`)
	}
	reply(w, response.GetState())
}

func (s *Server) restPools(w http.ResponseWriter, r *http.Request) {
	response, err := s.ListPools(r.Context(), &zenleadv1.ListPoolsRequest{
		Namespace: r.FormValue("namespace"), PageToken: r.FormValue("pageToken"),
	})
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, response)
}

func (s *Server) restHandover(w http.ResponseWriter, r *http.Request) {
	move := &zenleadv1.Move{}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = protojson.Unmarshal(body, move)
	}
	if err != nil {
		fail(w, Error("InvalidArgument", err.Error()))
		return
	}
	response, err := s.Handover(r.Context(), &zenleadv1.HandoverRequest{
		Pool: r.PathValue("pool"), Namespace: r.FormValue("namespace"), Move: move,
	})
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, response)
}

// restWatch sends an error with its status if it is the first thing to send, and as an event later.
func (s *Server) restWatch(w http.ResponseWriter, r *http.Request) {
	begun := false
	begin := func() {
		begun = true
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, ": zen-lead\n\n")
	}
	err := s.watch(r.Context(), &zenleadv1.WatchLeaderRequest{
		Pool: r.PathValue("pool"), Namespace: r.FormValue("namespace"), Resume: r.Header.Get("Last-Event-ID"),
	}, func(e *zenleadv1.WatchLeaderResponse) error {
		if !begun {
			begin()
		}
		if e.GetState() != nil {
			_, _ = fmt.Fprintf(w, "event: leader\nid: %s\ndata: %s\n\n", e.GetRevision(), inJSON(e.GetState()))
		} else {
			_, _ = fmt.Fprintf(w, "event: heartbeat\ndata: %s\n\n", inJSON(e.GetHeartbeat()))
		}
		return http.NewResponseController(w).Flush()
	})
	switch {
	case err == nil:
	case begun:
		_, _ = fmt.Fprintf(w, "event: error\ndata: %s\n\n", inJSON(bodyOf(err)))
	default:
		fail(w, err)
	}
}

func bodyOf(err error) *zenleadv1.ErrorBody {
	s, _ := status.FromError(err)
	return &zenleadv1.ErrorBody{Error: &zenleadv1.Error{Reason: reasonOf(s), Message: s.Message()}}
}

func fail(w http.ResponseWriter, err error) {
	s, _ := status.FromError(err)
	if reasonOf(s) == "" {
		http.Error(w, s.Message(), statusOf(s.Code()))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statusOf(s.Code()))
	_, _ = w.Write(inJSON(bodyOf(err)))
}

func reply(w http.ResponseWriter, m proto.Message) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(inJSON(m))
}

var quotedNumber = regexp.MustCompile(`"(term|ageMs|token|waitedMs)":\s*"(-?\d+)"`)

// inJSON has numbers where protobuf's own mapping has strings, as docs/ask.md shows, and every field.
func inJSON(m proto.Message) []byte {
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return []byte(err.Error())
	}
	return quotedNumber.ReplaceAll(text, []byte(`"$1":$2`))
}

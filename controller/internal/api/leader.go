package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// serveLeader answers by HTTP who leads a pool. It is what is asked most, and the gateway would take three times as long: what it
// writes is made once for all who ask, but for the age.
func (s *service) serveLeader(w http.ResponseWriter, r *http.Request, pool string) {
	q := &zenleadv1.GetLeaderRequest{Pool: pool}
	if err := parseLeaderQuery(r.URL.RawQuery, q); err != nil {
		answerError(r.Context(), nil, nil, w, r, err)
		return
	}
	f, found, err := s.leader(r.Context(), r.Header.Get("Authorization"), q)
	if err != nil {
		answerError(r.Context(), nil, nil, w, r, err)
		return
	}
	written, err := snapshot.Made(&f.Shared, asBody, func() (*answer, error) { return newAnswer(f) })
	if err != nil {
		answerError(r.Context(), nil, nil, w, r, err)
		return
	}
	written.write(w, r, found)
}

// askedForLeader returns the pool whose leader a request asks for, where that is plain to see. The gateway finds the others.
func askedForLeader(r *http.Request) (pool string, ok bool) {
	pool, ok = strings.CutPrefix(r.URL.Path, "/v1/leader/pool/")
	return pool, ok && pool != "" && r.Method == http.MethodGet && r.URL.RawPath == "" && !strings.Contains(pool, "/")
}

// answer is one by HTTP, but for the age.
type answer struct {
	tag  []string
	body string
}

func newAnswer(f *snapshot.Frame) (*answer, error) {
	b, err := json.Marshal(bodyOf(stateOf(f.State)))
	return &answer{tag: []string{`"` + formatRevision(f.Revision) + `"`}, body: strings.TrimSuffix(string(b), "0}")}, err
}

// Headers that all answers have. Nobody changes them.
var (
	contentType  = []string{"application/json"}
	cacheControl = []string{"no-cache"}
	warning      = []string{`110 - "Response is Stale"`}
)

func (a *answer) write(w http.ResponseWriter, r *http.Request, found current) {
	h := w.Header()
	h["Cache-Control"], h["Etag"] = cacheControl, a.tag
	if found.stale {
		h["Warning"] = warning
	}
	if known := r.Header.Get("If-None-Match"); known != "" && strings.Contains(known, a.tag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = contentType
	b := make([]byte, 0, len(a.body)+24)
	b = append(strconv.AppendInt(append(b, a.body...), found.age.Milliseconds(), 10), '}')
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	_, _ = w.Write(b) // who asked may be gone
}

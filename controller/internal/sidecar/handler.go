package sidecar

import (
	"encoding/json"
	"net/http"

	"github.com/kube-zen/zen-lead/controller/internal/guard"
)

// handler serves /leader: 200 where this member leads, else 503.
func (s *sidecar) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /leader", func(w http.ResponseWriter, _ *http.Request) {
		a, until, _ := s.tell()
		if until > 0 {
			a.ValidForMs = new(max(until.Sub(guard.Now()).Milliseconds(), 0))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if a.Role != leader {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(a) // who asked may be gone
	})
	return mux
}

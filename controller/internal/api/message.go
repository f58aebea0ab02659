package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// stateOf is a state as callers get it.
func stateOf(s snapshot.State) *zenleadv1.LeaderState {
	m := &zenleadv1.LeaderState{Pool: s.Pool.Name, Namespace: s.Pool.Namespace, Term: s.Term, Guarantee: string(s.Guarantee)}
	if l := s.Leader; l != (snapshot.Leader{}) {
		m.Leader = &zenleadv1.Leader{Name: l.Name, Uid: l.UID, Ip: l.IP, Node: l.Node}
	}
	if !s.Since.IsZero() {
		m.Since = timestamppb.New(s.Since)
	}
	return m
}

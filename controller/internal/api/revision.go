package api

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
)

// formatRevision writes a revision as callers get it, to give it back.
func formatRevision(r snapshot.Revision) string {
	return strconv.FormatInt(r.Term, 10) + "-" + strconv.FormatInt(r.Version, 10)
}

// parseRevision reads what formatRevision wrote; "" is older than all.
func parseRevision(s string) (snapshot.Revision, error) {
	if s == "" {
		return snapshot.Revision{}, nil
	}
	term, version, _ := strings.Cut(s, "-")
	t, err := strconv.ParseInt(term, 10, 64)
	v, err2 := strconv.ParseInt(version, 10, 64)
	if err != nil || err2 != nil || t < 0 || v < 0 {
		return snapshot.Revision{}, fail(codes.InvalidArgument, reasonInvalidArgument, "resume: %s is no revision that zen-lead gave", quoted(s))
	}
	return snapshot.Revision{Term: t, Version: v}, nil
}

// quoted is what a caller sent, for a message.
func quoted(s string) string {
	const longest = 64
	return fmt.Sprintf("%.*q", longest, s)
}

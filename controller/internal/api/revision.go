package api

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
)

// formatRevision writes a revision as callers get it, to give it back.
func formatRevision(r snapshot.Revision) string {
	return fmt.Sprintf("%d-%d-%d-%08x", r.Term, r.Lease, r.Policy, r.Sum)
}

// revisionForm is that of what formatRevision wrote.
var revisionForm = regexp.MustCompile(`^(\d{1,18})-(\d{1,18})-(\d{1,18})-([0-9a-f]{8})$`)

// parseRevision reads what formatRevision wrote; "" knows nothing.
func parseRevision(s string) (r snapshot.Revision, err error) {
	if s == "" {
		return r, nil
	}
	parts := revisionForm.FindStringSubmatch(s)
	if parts == nil {
		return r, fail(codes.InvalidArgument, reasonInvalidArgument, "resume: %s is no revision that zen-lead gave", quoted(s))
	}
	var errs [4]error
	r.Term, errs[0] = strconv.ParseInt(parts[1], 10, 64)
	r.Lease, errs[1] = strconv.ParseInt(parts[2], 10, 64)
	r.Policy, errs[2] = strconv.ParseInt(parts[3], 10, 64)
	sum, err := strconv.ParseUint(parts[4], 16, 32)
	r.Sum, errs[3] = uint32(sum), err
	return r, errors.Join(errs[:]...)
}

// quoted is what a caller sent, for a message.
func quoted(s string) string {
	const longest = 64
	return fmt.Sprintf("%.*q", longest, s)
}

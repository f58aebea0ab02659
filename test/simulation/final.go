package simulation

import (
	"errors"
	"fmt"

	"github.com/kube-zen/zen-lead/test/history"
)

// final looks for what package history does not judge: in one term a pod that was made a follower is not made leader again, as
// an election begins a new term. A late write of the leading role must not undo a release. Where a role is taken off because the
// policy is gone, two replicas may disagree whether it is.
func final(events []history.Event) error {
	type stood struct {
		uid  string
		term int64
	}
	before := map[string]history.Role{}
	demoted := map[stood]bool{}
	var errs []error
	for _, e := range events {
		if e.Kind != history.KindPod {
			continue
		}
		was, is := before[e.UID], e.Pod.Role
		if before[e.UID] = is; e.Type == history.Deleted || e.Injected || was == is || is.Term == 0 {
			continue
		}
		s := stood{e.UID, is.Term}
		switch leads := is.Annotation == history.RoleLeader; {
		case leads && demoted[s]:
			errs = append(errs, fmt.Errorf("revision %d: pod %s was made leader of term %d again, after it was made a follower", e.Revision, e.Name, is.Term))
		case is.Annotation == "follower" && was.Annotation == history.RoleLeader && was.Term == is.Term:
			demoted[s] = true
		}
	}
	return errors.Join(errs...)
}

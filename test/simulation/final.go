package simulation

import (
	"errors"
	"fmt"

	"github.com/kube-zen/zen-lead/test/history"
)

// final looks for late writes that package history cannot judge, as it must not rely on the order in which a move is
// written. The status comes last: once it tells the outcome of a term, every member that the term before named is marked,
// and no late write makes a pod leader of that term, or of an earlier one, whom the status does not name. Pods that have
// ended are left out, and pools that ever observed a program. Where
// nobody is killed and no Lease deleted that fails only if another replica finished the move before the one that made it
// had marked the member, which is rare; a version that does not mark at all fails ten times as often. So it is counted.
func final(events []history.Event) error {
	told := map[string]history.Policy{}
	roles := map[string]history.Role{}
	observed := map[string]bool{} // their terms are told by no Lease
	var errs []error
	for _, e := range events {
		switch {
		case e.Kind == history.KindPolicy && e.Type == history.Deleted:
			delete(told, e.Pool)
		case e.Kind == history.KindPolicy:
			observed[e.Pool] = observed[e.Pool] || e.Policy.Observes != ""
			told[e.Pool] = e.Policy
		case e.Kind == history.KindPod:
			was, is := roles[e.UID], e.Pod.Role
			roles[e.UID] = is
			s := told[e.Pool]
			made := e.Type != history.Deleted && !e.Injected && !observed[e.Pool] && was != is && is.Annotation == history.RoleLeader && !e.Pod.Ended
			if made && is.Term <= s.Term && s.Holder.UID != e.UID {
				errs = append(errs, fmt.Errorf("revision %d: pod %s was made leader of term %d after the status told of term %d, led by %q",
					e.Revision, e.Name, is.Term, s.Term, s.Holder.Name))
			}
		}
	}
	return errors.Join(errs...)
}

package pool

import (
	"encoding/json"
	"fmt"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
)

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// JSON pointers of what is patched: "/" in a key is written "~1".
const (
	uidPath            = "/metadata/uid"
	labelsPath         = "/metadata/labels"
	roleLabelPath      = "/metadata/labels/zen-lead~1role"
	poolAnnotationPath = "/metadata/annotations/zen-lead~1pool"
	rolePath           = "/metadata/annotations/zen-lead~1role"
	termPath           = "/metadata/annotations/zen-lead~1term"
	costPath           = "/metadata/annotations/controller.kubernetes.io~1pod-deletion-cost"
	handoverPath       = "/metadata/annotations/zen-lead~1handover"
)

// patch returns the JSON patch that carries out a role write. Its tests are the fence: it fails (422) unless the pod is
// the one that was seen, still in this pool, with the role and the term that were read.
//
// The test on the term alone would let a stale "leader" through after the role was taken off in the same term; the test
// on the role alone would let it through to a follower that a newer term marked.
func (w RoleWrite) patch(pool string) ([]byte, error) {
	seen := w.Member.Role
	ops := []operation{
		{"test", uidPath, w.Member.UID},
		{"test", poolAnnotationPath, pool},
		{"test", rolePath, orNull(seen.Annotation, seen.HasAnnotation)},
		{"test", termPath, orNull(seen.TermText, seen.HasTerm)},
	}
	if w.Role == "" {
		ops = append(ops, removals(w.Member)...)
	} else {
		if w.Member.Unlabelled {
			ops = append(ops, operation{"test", labelsPath, nil}, operation{"add", labelsPath, struct{}{}})
		}
		ops = append(ops,
			operation{"add", rolePath, w.Role},
			operation{"add", termPath, kube.FormatTerm(w.Term)},
			operation{"add", roleLabelPath, w.Role},
		)
	}
	ops = append(ops, w.cost()...)
	body, err := json.Marshal(ops)
	if err != nil {
		return nil, fmt.Errorf("patch of pod %s: %w", w.Member.Name, err)
	}
	return body, nil
}

// removals takes off what is there: a JSON patch that removes what is not there fails, so the label, which nothing tests,
// is first put there. The term stays: without it a late write by somebody who saw the pod before its first role would
// find what it read.
func removals(m Member) []operation {
	var ops []operation
	if m.Role.HasAnnotation {
		ops = append(ops, operation{Op: "remove", Path: rolePath})
	}
	if !m.Unlabelled {
		ops = append(ops, operation{"add", roleLabelPath, ""}, operation{Op: "remove", Path: roleLabelPath})
	}
	return ops
}

// orNull is how a test says "absent", which is not the same as empty.
func orNull(s string, there bool) any {
	if !there {
		return nil
	}
	return s
}

// written is the role that the member bears once w is carried out.
func (w RoleWrite) written() Role {
	was := w.Member.Role
	is := Role{TermText: was.TermText, Term: was.Term, HasTerm: was.HasTerm}
	if w.Role != "" {
		is = roleOf(
			map[string]string{v1alpha1.RoleLabel: w.Role},
			map[string]string{v1alpha1.RoleAnnotation: w.Role, v1alpha1.TermAnnotation: kube.FormatTerm(w.Term)},
		)
	}
	switch {
	case w.costs():
		is.Cost, is.HasCost = v1alpha1.LeaderDeletionCost, true
	case !w.costsNoMore():
		is.Cost, is.HasCost = was.Cost, was.HasCost
	}
	return is
}

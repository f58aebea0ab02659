// Package kube keeps the records of pools on Leases of the Kubernetes API, and fences what a leader writes there.
package kube

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/term"
)

// RecordOf reads the record of a Lease. ok is false where the Lease is not zen-lead's: it has no
// annotation zen-lead/term-base, or one that no version of zen-lead wrote. Such a Lease is never taken over; the
// record then has its holder and transitions, and no base.
//
// The resourceVersion is read as a number, which Kubernetes promises since v1.35 (KEP-5504) and has always done.
func RecordOf(l *coordinationv1.Lease) (r term.Record, ok bool, err error) {
	r.Version, err = Version(l.ResourceVersion)
	if err != nil {
		return r, false, fmt.Errorf("lease %s/%s: %w", l.Namespace, l.Name, err)
	}
	r.UID = string(l.UID)
	if l.Spec.HolderIdentity != nil {
		r.Holder.Identity = *l.Spec.HolderIdentity
	}
	if l.Spec.LeaseTransitions != nil {
		r.Transitions = *l.Spec.LeaseTransitions
	}
	if l.Spec.LeaseDurationSeconds != nil {
		r.Duration = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
	}
	if l.Spec.RenewTime != nil {
		r.Renewed = l.Spec.RenewTime.Time
	}
	r.Base = Term(l.Annotations[v1alpha1.TermBaseAnnotation])
	r.Successor = l.Annotations[v1alpha1.SuccessorAnnotation]
	r.Holder.UID = l.Annotations[v1alpha1.HolderUIDAnnotation]
	if tagged, ok := l.Annotations[v1alpha1.HolderProcessAnnotation]; ok {
		r.Holder.Process = processOf(tagged, r.Term())
		if r.Holder.Process == (term.Process{}) {
			r.Holder.UID = "" // a stranger's elector took the Lease, and kept the annotations
		}
	}
	return r, r.Base != 0, nil
}

// processOf reads the process that began term t; it is zero where the annotation is of another term.
func processOf(tagged string, t term.Number) term.Process {
	number, process, _ := strings.Cut(tagged, " ")
	p, ok := term.ParseProcess(process)
	if !ok || Term(number) != t {
		return term.Process{}
	}
	return p
}

// Term parses a term as it stands in an annotation. Whatever cannot be a term is 0.
func Term(s string) term.Number {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || !term.Number(n).Valid() {
		return 0
	}
	return term.Number(n)
}

// FormatTerm writes a term as it stands in an annotation.
func FormatTerm(n term.Number) string { return strconv.FormatInt(int64(n), 10) }

// Version parses a resourceVersion.
func Version(resourceVersion string) (int64, error) {
	v, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion %q is no number: %w", resourceVersion, err)
	}
	return v, nil
}

// Package kubebuilder has controllers of controller-runtime, as Kubebuilder and the Operator SDK scaffold them, work while their
// process leads a pool, any number of terms in one process.
//
// controller-runtime's own leader election ends the process when it loses the lead, and a controller cannot be started twice. Here
// controllers run in every replica, with warm caches; what they are asked to reconcile while another replica leads is
// remembered, and reconciled when this one begins a term.
//
// Guarantees: no reconciliation begins outside of a term, the context of one that runs ends before its term does, and a term is
// released only after all of them have returned. Not guaranteed: that one which is paused between a look at its context and a
// write does not write late; see package lead, give the manager a configuration from [Election.Fence], and send [TermFrom] with
// what must be fenced elsewhere.
package kubebuilder

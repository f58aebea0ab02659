// Package churn is a seeded random load on pools: all that users, nodes and careless people do to pods, policies and what
// belongs to them, at a given rate, against a real API server.
//
// Its pods are bare and on no node: no kubelet and no scheduler is needed, churn writes their status itself. Nothing is
// cleaned up; the namespace is thrown away.
//
// Guarantees: the same options draw the same actions in the same order per worker, whatever the cluster answers. When Run
// returns, every pool has its policy again, so that a test can wait for all of them to have a leader.
//
// Non-guarantees: workers race, so two runs with one seed are two histories. What an edit by hand writes (roles and terms of
// pods) is marked with [history.InjectedAnnotation].
package churn

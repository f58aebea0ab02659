// Package e2e runs zen-lead as its users do: installed by Helm, in containers, on real kubelets; and then breaks things, while a client in a pod
// asks the leader Service fifty times a second who answers.
//
// Each scenario proves that its fault happened, and is judged by two records that know nothing of each other: the client's log, and the
// history of all writes to Leases, pods, slices and policies.
package e2e

// Package v1alpha1 is the API of zen-lead: the kinds of group coordination.kube-zen.io and the names
// that zen-lead reads and writes on other objects.
//
// It needs apimachinery and nothing else, so that importing it costs a program no client library.
//
// +kubebuilder:object:generate=true
// +groupName=coordination.kube-zen.io
package v1alpha1

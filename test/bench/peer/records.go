package peer

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// lease returns the Lease of a pool, made where it is missing.
func (l *loop) lease(ctx context.Context, pool cache.ObjectName) (*coordinationv1.Lease, error) {
	lease, err := l.leases.Leases(pool.Namespace).Get(pool.Name)
	if !apierrors.IsNotFound(err) {
		return lease, err
	}
	made, err := l.client.CoordinationV1().Leases(pool.Namespace).Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: pool.Name},
	}, metav1.CreateOptions{})
	return made, err
}

// publish makes the slice of a pool point at the leader.
func (l *loop) publish(ctx context.Context, pool cache.ObjectName, leader *corev1.Pod) error {
	old, err := l.slices.EndpointSlices(pool.Namespace).Get(pool.Name)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return err
	}
	if !missing && names(old, leader) {
		return nil
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: pool.Name, Labels: map[string]string{discoveryv1.LabelServiceName: pool.Name}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	if !missing {
		slice = old.DeepCopy()
	}
	slice.Endpoints = []discoveryv1.Endpoint{{
		Addresses:  []string{leader.Status.PodIP},
		Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: leader.Namespace, Name: leader.Name, UID: leader.UID},
	}}
	port := leader.Spec.Containers[0].Ports[0]
	slice.Ports = []discoveryv1.EndpointPort{{Name: &port.Name, Port: &port.ContainerPort, Protocol: &port.Protocol}}
	if missing {
		_, err = l.client.DiscoveryV1().EndpointSlices(pool.Namespace).Create(ctx, slice, metav1.CreateOptions{})
	} else {
		_, err = l.client.DiscoveryV1().EndpointSlices(pool.Namespace).Update(ctx, slice, metav1.UpdateOptions{})
	}
	return err
}

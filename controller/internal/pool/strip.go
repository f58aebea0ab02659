package pool

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StripPod keeps of a pod what MemberOf and the admission of its label look at, a tenth of it. The cache may hold every
// pod of a cluster.
func StripPod(o any) (any, error) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return o, nil
	}
	s := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.Namespace, Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion,
			CreationTimestamp: p.CreationTimestamp, DeletionTimestamp: p.DeletionTimestamp,
			Labels: p.Labels, Annotations: ours(p.Annotations),
		},
		Spec:   corev1.PodSpec{NodeName: p.Spec.NodeName},
		Status: corev1.PodStatus{Phase: p.Status.Phase, PodIPs: p.Status.PodIPs},
	}
	if poolOf(p) == "" {
		s.Labels = ours(p.Labels) // a policy prefers nobody by the others
	}
	for _, c := range p.Spec.Containers {
		s.Spec.Containers = append(s.Spec.Containers, corev1.Container{Ports: c.Ports})
	}
	for _, c := range p.Spec.InitContainers {
		s.Spec.InitContainers = append(s.Spec.InitContainers, corev1.Container{Ports: c.Ports, RestartPolicy: c.RestartPolicy})
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady || c.Type == corev1.DisruptionTarget {
			s.Status.Conditions = append(s.Status.Conditions, corev1.PodCondition{Type: c.Type, Status: c.Status, Reason: c.Reason, LastTransitionTime: c.LastTransitionTime})
		}
	}
	if s.Status.Phase == corev1.PodSucceeded || s.Status.Phase == corev1.PodFailed {
		keepEnds(s, p)
	}
	return s, nil
}

// keepEnds keeps what tells whether a pod has ended; see [ended].
func keepEnds(s, p *corev1.Pod) {
	for i, c := range p.Spec.Containers {
		s.Spec.Containers[i].Name = c.Name
	}
	for _, c := range p.Spec.EphemeralContainers {
		s.Spec.EphemeralContainers = append(s.Spec.EphemeralContainers, corev1.EphemeralContainer{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: c.Name},
		})
	}
	end := func(all []corev1.ContainerStatus) (kept []corev1.ContainerStatus) {
		for _, c := range all {
			k := corev1.ContainerStatus{Name: c.Name, ContainerID: c.ContainerID}
			if t := c.State.Terminated; t != nil {
				k.State.Terminated = &corev1.ContainerStateTerminated{Reason: t.Reason}
			}
			kept = append(kept, k)
		}
		return kept
	}
	s.Status.InitContainerStatuses = end(p.Status.InitContainerStatuses)
	s.Status.ContainerStatuses = end(p.Status.ContainerStatuses)
	s.Status.EphemeralContainerStatuses = end(p.Status.EphemeralContainerStatuses)
}

// ours keeps zen-lead's keys, the deletion cost, and the mark of a mirror pod. It tells no keys (empty) from no map (nil): a patch must bring the map.
func ours(all map[string]string) map[string]string {
	if all == nil {
		return nil
	}
	kept := map[string]string{}
	for k, v := range all {
		if strings.HasPrefix(k, "zen-lead/") || k == corev1.PodDeletionCost || k == corev1.MirrorPodAnnotationKey {
			kept[k] = v
		}
	}
	return kept
}

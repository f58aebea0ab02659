package pool

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// ended says whether a pod whose phase is terminal is proven to run nowhere any more: its kubelet reports each container to have
// terminated, and knows how. The phase alone does not tell: the garbage collector of pods sets it, as may others, while the
// containers of a node that is cut off go on. ContainerStatusUnknown says that the kubelet does not know. What becomes of a mirror
// pod says nothing of the static pod that it stands for.
func ended(p *corev1.Pod) bool {
	if _, mirror := p.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return false
	}
	if slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Reason == deletionByPodGC
	}) {
		return false // its kubelet, gone since, may have started a container again that it had reported to have terminated
	}
	over := map[string]bool{}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses) {
		t := s.State.Terminated
		if s.ContainerID == "" && t == nil && slices.ContainsFunc(p.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool { return c.Name == s.Name }) {
			continue // it never ran
		}
		if over[s.Name] = t != nil && t.Reason != "" && t.Reason != containerStatusUnknown; !over[s.Name] {
			return false
		}
	}
	for _, c := range p.Spec.Containers {
		if !over[c.Name] {
			return false
		}
	}
	return len(p.Spec.Containers) > 0
}

// deletionByPodGC is the reason that the garbage collector of pods gives where it, and no kubelet, made the phase a terminal one.
const deletionByPodGC = "DeletionByPodGC"

// containerStatusUnknown is the kubelet's reason for a container that it cannot find.
const containerStatusUnknown = "ContainerStatusUnknown"

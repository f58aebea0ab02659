package api

import (
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// gracePeriod is how long a pod has to end where nobody says.
const gracePeriod int64 = 30

// remove is DELETE.
func (s *Server) remove(u User, o client.Object, options *client.DeleteOptions) error {
	k, err := KindOf(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, old := o.GetName(), s.objects[k][client.ObjectKeyFromObject(o)]
	if old == nil {
		return notFound(k, name)
	}
	if p := options.Preconditions; p != nil {
		if p.UID != nil && *p.UID != old.GetUID() {
			return conflict(k, name, "Precondition failed: UID in precondition: %s, UID in object meta: %s", *p.UID, old.GetUID())
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != old.GetResourceVersion() {
			return conflict(k, name, "Precondition failed: ResourceVersion in precondition: %s, ResourceVersion in object meta: %s",
				*p.ResourceVersion, old.GetResourceVersion())
		}
	}
	if err := s.admit(u, k, old, nil); err != nil {
		return err
	}
	pod, isPod := old.(*corev1.Pod)
	if grace := graceOf(options); isPod && pod.Spec.NodeName != "" && grace > 0 {
		s.terminate(u, pod, grace)
		return nil
	}
	s.commit(u, Deleted, k, Copy(old), old)
	return nil
}

func graceOf(o *client.DeleteOptions) int64 {
	if o.GracePeriodSeconds != nil {
		return *o.GracePeriodSeconds
	}
	return gracePeriod
}

// terminate marks a pod for its kubelet, once: a later deletion with as much grace changes nothing.
func (s *Server) terminate(u User, old *corev1.Pod, grace int64) {
	if old.DeletionTimestamp != nil {
		return
	}
	next := old.DeepCopy()
	at := metav1.NewTime(time.Now().Add(time.Duration(grace) * time.Second).Truncate(time.Second))
	next.DeletionTimestamp, next.DeletionGracePeriodSeconds = &at, &grace
	next.Generation++
	s.commit(u, Modified, Pod, next, old)
}

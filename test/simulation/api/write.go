package api

import (
	"errors"
	"maps"
	"net/http"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// create is POST. o becomes what was made.
func (s *Server) create(u User, o client.Object) error {
	k, err := KindOf(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.make(u, k, o)
}

func (s *Server) make(u User, k Kind, o client.Object) error {
	if o.GetResourceVersion() != "" {
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: "resourceVersion should not be set on objects to be created",
		}}
	}
	if s.objects[k][client.ObjectKeyFromObject(o)] != nil {
		return apierrors.NewAlreadyExists(traitsOf[k].resource, o.GetName())
	}
	born := Copy(o)
	s.newborn(born)
	beginning(born)
	if err := s.admit(u, k, nil, born); err != nil {
		return err
	}
	s.commit(u, Added, k, born, nil)
	CopyInto(o, born)
	return nil
}

// update is PUT, of the status where that is said. o becomes what is there then.
func (s *Server) update(u User, o client.Object, status bool) error {
	k, err := KindOf(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, old := o.GetName(), s.objects[k][client.ObjectKeyFromObject(o)]
	switch {
	case old == nil && (!traitsOf[k].creates || status):
		return notFound(k, name)
	case old == nil && o.GetUID() != "":
		return conflict(k, name, "Precondition failed: UID in precondition: %s, UID in object meta: ", o.GetUID())
	case old == nil:
		resurrected := Copy(o)
		resurrected.SetResourceVersion("")
		if err := s.make(u, k, resurrected); err != nil {
			return err
		}
		CopyInto(o, resurrected)
		return nil
	case o.GetUID() != "" && o.GetUID() != old.GetUID():
		return conflict(k, name, "Precondition failed: UID in precondition: %s, UID in object meta: %s", o.GetUID(), old.GetUID())
	case o.GetResourceVersion() == "" && !traitsOf[k].blind:
		return unprocessable(k, name, "metadata.resourceVersion: Invalid value: 0: must be specified for an update")
	case o.GetResourceVersion() != "" && o.GetResourceVersion() != old.GetResourceVersion():
		return conflict(k, name, "the object has been modified; please apply your changes to the latest version and try again")
	}
	next := Copy(o)
	if err := s.replace(u, k, old, next, status); err != nil {
		return err
	}
	CopyInto(o, s.objects[k][client.ObjectKeyFromObject(o)])
	return nil
}

// replace writes next, which is the server's own, in the place of old.
func (s *Server) replace(u User, k Kind, old, next client.Object, status bool) error {
	keep(old, next, status)
	if err := s.admit(u, k, old, next); err != nil {
		return err
	}
	if same(old, next) {
		return nil // nothing changed, nothing is written
	}
	if !status && counted(old, next) {
		next.SetGeneration(old.GetGeneration() + 1)
	}
	s.commit(u, Modified, k, next, old)
	return nil
}

// keep gives next what a write cannot change.
func keep(old, next client.Object, status bool) {
	if status {
		// All but the status is as it was. A pod's metadata could be written with its status; nobody here does that.
		written := Copy(next)
		CopyInto(next, old)
		switch n := next.(type) {
		case *corev1.Pod:
			n.Status = written.(*corev1.Pod).Status
		case *v1alpha1.LeaderPolicy:
			n.Status = written.(*v1alpha1.LeaderPolicy).Status
		case *corev1.Node:
			n.Status = written.(*corev1.Node).Status
		}
		return
	}
	next.SetUID(old.GetUID())
	next.SetCreationTimestamp(old.GetCreationTimestamp())
	next.SetDeletionTimestamp(old.GetDeletionTimestamp())
	next.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	next.SetGeneration(old.GetGeneration())
	next.SetManagedFields(nil)
	switch n := next.(type) {
	case *corev1.Pod:
		n.Status = old.(*corev1.Pod).Status
		n.TypeMeta = metav1.TypeMeta{}
	case *corev1.Service:
		n.Status = old.(*corev1.Service).Status
		if n.Spec.ClusterIP == "" {
			n.Spec.ClusterIP, n.Spec.ClusterIPs = old.(*corev1.Service).Spec.ClusterIP, old.(*corev1.Service).Spec.ClusterIPs
		}
	case *v1alpha1.LeaderPolicy:
		n.Status = old.(*v1alpha1.LeaderPolicy).Status
	case *corev1.Node:
		n.Status = old.(*corev1.Node).Status
	}
}

// same says whether two versions differ in nothing that a write can change.
func same(old, next client.Object) bool {
	if !maps.Equal(old.GetLabels(), next.GetLabels()) || !maps.Equal(old.GetAnnotations(), next.GetAnnotations()) ||
		!equality.Semantic.DeepEqual(old.GetOwnerReferences(), next.GetOwnerReferences()) {
		return false
	}
	deeply := equality.Semantic.DeepEqual
	switch n := next.(type) {
	case *corev1.Pod:
		o := old.(*corev1.Pod)
		return deeply(o.Status, n.Status) && deeply(o.Spec, n.Spec)
	case *coordinationv1.Lease:
		return deeply(old.(*coordinationv1.Lease).Spec, n.Spec)
	case *corev1.Service:
		return deeply(old.(*corev1.Service).Spec, n.Spec)
	case *discoveryv1.EndpointSlice:
		o := old.(*discoveryv1.EndpointSlice)
		return deeply(o.Endpoints, n.Endpoints) && deeply(o.Ports, n.Ports)
	case *v1alpha1.LeaderPolicy:
		o := old.(*v1alpha1.LeaderPolicy)
		return deeply(o.Status, n.Status) && deeply(o.Spec, n.Spec)
	case *corev1.Node:
		o := old.(*corev1.Node)
		return deeply(o.Status, n.Status) && deeply(o.Spec, n.Spec)
	}
	return false
}

// counted says whether a change is one that generation counts. Kinds without generation never say so.
func counted(old, next client.Object) bool {
	switch n := next.(type) {
	case *v1alpha1.LeaderPolicy:
		return !equality.Semantic.DeepEqual(old.(*v1alpha1.LeaderPolicy).Spec, n.Spec)
	case *corev1.Pod:
		return !equality.Semantic.DeepEqual(old.(*corev1.Pod).Spec, n.Spec)
	case *discoveryv1.EndpointSlice:
		o := old.(*discoveryv1.EndpointSlice)
		return !equality.Semantic.DeepEqual(o.Labels, n.Labels) || !equality.Semantic.DeepEqual(o.Endpoints, n.Endpoints) ||
			!equality.Semantic.DeepEqual(o.Ports, n.Ports)
	}
	return false
}

// beginning fills in what a new object has of the server.
func beginning(o client.Object) {
	o.SetGeneration(0)
	switch o := o.(type) {
	case *corev1.Pod:
		o.SetGeneration(1)
		o.TypeMeta, o.Status = metav1.TypeMeta{}, corev1.PodStatus{Phase: corev1.PodPending}
	case *corev1.Service:
		o.Status = corev1.ServiceStatus{}
		if o.Spec.ClusterIP == "" {
			o.Spec.ClusterIP = "10.0.0.1"
		}
		o.Spec.ClusterIPs = []string{o.Spec.ClusterIP}
	case *discoveryv1.EndpointSlice:
		o.SetGeneration(1)
	case *v1alpha1.LeaderPolicy:
		o.SetGeneration(1)
		o.Status = v1alpha1.LeaderPolicyStatus{}
	case *coordinationv1.Lease:
	}
}

var errUnsupported = errors.New("the simulated API does not do that")

func unsupported(o runtime.Object, verb string) error {
	k, err := KindOf(o)
	if err != nil {
		return err
	}
	return errors.Join(errUnsupported, apierrors.NewMethodNotSupported(traitsOf[k].resource, verb))
}

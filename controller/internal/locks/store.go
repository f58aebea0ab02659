package locks

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// requestTimeout bounds one request to the API server.
const requestTimeout = 5 * time.Second

// store reads and writes ManualLocks at the API server.
type store struct {
	live client.Reader
	// status writes statuses: PUT with UID and resourceVersion of what was judged.
	status StatusWriter
}

// StatusWriter writes the status of a lock, if the lock is the one and has the version that o says, and brings o the new version.
type StatusWriter interface {
	Update(ctx context.Context, o *v1alpha1.ManualLock) error
}

func (s *store) read(ctx context.Context, name types.NamespacedName) (*v1alpha1.ManualLock, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	o := &v1alpha1.ManualLock{}
	if err := s.live.Get(ctx, name, o); err != nil {
		return nil, fmt.Errorf("read ManualLock %s: %w", name, err)
	}
	return o, nil
}

// with is a lock whose status was written.
func with(on *v1alpha1.ManualLock, s v1alpha1.ManualLockStatus, version string) *v1alpha1.ManualLock {
	o := &v1alpha1.ManualLock{TypeMeta: on.TypeMeta, ObjectMeta: on.ObjectMeta, Spec: on.Spec, Status: s}
	o.ResourceVersion = version
	return o
}

// outcome is what became of a write.
type outcome int

const (
	// written: it happened.
	written outcome = iota
	// overtaken: it did not happen, or it did and something after it. The version that it was made on is not the newest any more.
	overtaken
	// gone: there is no such object.
	gone
	// refused: the API server would not have it.
	refused
	// abandoned: this process ends, and it is not known.
	abandoned
)

// write writes a status on the version that it was decided on, and does not return before it is known what became of that: a request whose
// answer did not come may still land after the object is read back, so it is sent again on the same version until one of them fails.
func (s *store) write(ctx context.Context, on *v1alpha1.ManualLock, status v1alpha1.ManualLockStatus) (*v1alpha1.ManualLock, outcome, error) {
	patience := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 30, Cap: 2 * time.Second}
	for sent := false; ; sent = true {
		next, err := s.put(ctx, on, status)
		switch {
		case err == nil:
			return next, written, nil
		case apierrors.IsConflict(err):
			return nil, overtaken, err
		case apierrors.IsNotFound(err):
			return nil, gone, err
		case unfit(err), !sent && notLetIn(err):
			return nil, refused, err
		case ctx.Err() != nil:
			return nil, abandoned, err
		}
		select {
		case <-time.After(patience.Step()):
		case <-ctx.Done():
			return nil, abandoned, err
		}
	}
}

// put sends a status once. The API server takes nothing else of what is sent, so nothing else is.
func (s *store) put(ctx context.Context, on *v1alpha1.ManualLock, status v1alpha1.ManualLockStatus) (*v1alpha1.ManualLock, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	o := &v1alpha1.ManualLock{
		ObjectMeta: metav1.ObjectMeta{Namespace: on.Namespace, Name: on.Name, UID: on.UID, ResourceVersion: on.ResourceVersion}, Status: status,
	}
	if err := s.status.Update(ctx, o); err != nil {
		return nil, fmt.Errorf("write ManualLock %s/%s: %w", o.Namespace, o.Name, err)
	}
	return with(on, status, o.ResourceVersion), nil
}

// unfit says whether an error means that what was sent is not to be carried out, however often: nor was it when it was sent before.
func unfit(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsMethodNotSupported(err)
}

// notLetIn says whether an error means that this request was not carried out. It says nothing of one that was sent before. Of too many
// requests it is not certain: the client may have sent it more than once by itself.
func notLetIn(err error) bool { return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) }

// ErrAway is told who asks while this replica cannot answer: another one may.
var ErrAway = errors.New("this replica does not count at present; another one may")

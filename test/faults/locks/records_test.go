package locks_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/election"
	"github.com/kube-zen/zen-lead/test/zenlead/scene"
)

// records are all writes of the locks of a scene, in the order in which they were committed.
type records struct {
	s *scene.Scene

	mu       sync.Mutex
	revision int64
	versions map[string][]version
	last     map[string]*v1alpha1.ManualLock
	// missed is why some may be missing.
	missed error
}

// version is a lock after one write.
type version struct {
	// at is when the watch told of it: after it was committed.
	at       time.Duration
	revision int64
	uid      string
	deleted  bool
	status   v1alpha1.ManualLockStatus
}

// holder is who holds the lock; nil: nobody.
func (v version) holder() *v1alpha1.LockHolder {
	if v.deleted || len(v.status.Holders) == 0 {
		return nil
	}
	return &v.status.Holders[0]
}

// record records the locks of a scene until the spec ends.
func record(ctx context.Context, s *scene.Scene) *records {
	GinkgoHelper()
	r := &records{s: s, versions: map[string][]version{}, last: map[string]*v1alpha1.ManualLock{}}
	list := &v1alpha1.ManualLockList{}
	Expect(s.List(ctx, list, client.InNamespace(s.Namespace))).To(Succeed())
	Expect(list.Items).To(BeEmpty(), "what was before is not recorded")
	var err error
	r.revision, err = number(list.ResourceVersion)
	Expect(err).NotTo(HaveOccurred())
	watching, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	DeferCleanup(func() {
		stop()
		<-ended
	})
	go func() {
		defer close(ended)
		for watching.Err() == nil {
			if err := r.follow(watching); gone(err) {
				err = r.bridge(watching)
				r.mu.Lock()
				r.missed = err
				r.mu.Unlock()
			}
			pass(watching, 50*time.Millisecond)
		}
	}()
	return r
}

func number(revision string) (int64, error) { return strconv.ParseInt(revision, 10, 64) }

func gone(err error) bool { return apierrors.IsGone(err) || apierrors.IsResourceExpired(err) }

// follow watches from the last revision that was seen.
func (r *records) follow(ctx context.Context) error {
	r.mu.Lock()
	from := r.revision
	r.mu.Unlock()
	w, err := r.s.Watch(ctx, &v1alpha1.ManualLockList{}, client.InNamespace(r.s.Namespace),
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: strconv.FormatInt(from, 10), AllowWatchBookmarks: true}})
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if e.Type == watch.Error {
			return apierrors.FromObject(e.Object)
		}
		o, ok := e.Object.(*v1alpha1.ManualLock)
		if !ok {
			return fmt.Errorf("unexpected %T", e.Object)
		}
		if err := r.saw(o, e.Type); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) saw(o *v1alpha1.ManualLock, t watch.EventType) error {
	revision, err := number(o.ResourceVersion)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision <= r.revision {
		return nil
	}
	r.revision = revision
	switch t {
	case watch.Bookmark:
		return nil
	case watch.Deleted:
		delete(r.last, o.Name)
	default:
		r.last[o.Name] = o
	}
	r.versions[o.Name] = append(r.versions[o.Name], version{election.Now(), revision, string(o.UID), t == watch.Deleted, o.Status})
	return nil
}

// mostBridged is how many revisions are asked for one by one.
const mostBridged = 5000

// bridge recovers what was written since the watch ended, where the API server does not remember it: each revision is one write.
func (r *records) bridge(ctx context.Context) error {
	now := &v1alpha1.ManualLockList{}
	if err := r.s.List(ctx, now, client.InNamespace(r.s.Namespace)); err != nil {
		return err
	}
	to, err := number(now.ResourceVersion)
	if err != nil {
		return err
	}
	r.mu.Lock()
	from := r.revision + 1
	r.mu.Unlock()
	if to-from > mostBridged {
		return fmt.Errorf("revisions %d to %d are too many to be asked for", from, to)
	}
	for revision := from; revision <= to; revision++ {
		then := &v1alpha1.ManualLockList{}
		err := r.s.List(ctx, then, client.InNamespace(r.s.Namespace), &client.ListOptions{Raw: &metav1.ListOptions{
			ResourceVersion: strconv.FormatInt(revision, 10), ResourceVersionMatch: metav1.ResourceVersionMatchExact,
		}})
		if err != nil {
			return fmt.Errorf("locks at revision %d: %w", revision, err)
		}
		if err := r.compare(then, revision); err != nil {
			return err
		}
	}
	return nil
}

// compare notes what a revision changed.
func (r *records) compare(then *v1alpha1.ManualLockList, revision int64) error {
	there := map[string]bool{}
	for i := range then.Items {
		o := &then.Items[i]
		there[o.Name] = true
		if v, err := number(o.ResourceVersion); err != nil || v != revision {
			continue
		}
		if err := r.saw(o, watch.Modified); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, o := range r.last {
		if !there[name] {
			delete(r.last, name)
			r.versions[name] = append(r.versions[name], version{election.Now(), revision, string(o.UID), true, o.Status})
		}
	}
	r.revision = max(r.revision, revision)
	return nil
}

// of are the versions of one lock.
func (r *records) of(lock string) []version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.versions[lock])
}

// locks are the names of all.
func (r *records) locks() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.versions {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// upToDate waits until everything that was written before is recorded.
func (r *records) upToDate(ctx context.Context) {
	GinkgoHelper()
	now := &v1alpha1.ManualLockList{}
	Expect(r.s.List(ctx, now, client.InNamespace(r.s.Namespace))).To(Succeed())
	Eventually(ctx, func() error {
		for i := range now.Items {
			revision, err := number(now.Items[i].ResourceVersion)
			if err != nil {
				return err
			}
			seen := r.of(now.Items[i].Name)
			if len(seen) == 0 || seen[len(seen)-1].revision < revision {
				return fmt.Errorf("%s is not yet seen as of %d", now.Items[i].Name, revision)
			}
		}
		return nil
	}).WithTimeout(time.Minute).Should(Succeed())
}

// granted is the first version by which a request holds a lock.
func (r *records) granted(lock, request string) (version, bool) {
	for _, v := range r.of(lock) {
		if h := v.holder(); h != nil && h.RequestID == request {
			return v, true
		}
	}
	return version{}, false
}

// pass waits for time to pass, where the time itself is the fault.
func pass(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

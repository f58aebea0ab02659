package locks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/election"
)

// records are all writes of the locks of a namespace, in the order in which they were committed. They are heard of from etcd: it goes on to tell
// where it broke off, which an API server that was started anew does not.
type records struct {
	etcd   *clientv3.Client
	prefix string

	mu       sync.Mutex
	revision int64
	versions map[string][]version
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

// record records the locks of a namespace until the spec ends.
func record(ctx context.Context, namespace string) *records {
	GinkgoHelper()
	url, secure, err := c.Etcd()
	Expect(err).NotTo(HaveOccurred())
	r := &records{prefix: fmt.Sprintf("/registry/%s/manuallocks/%s/", v1alpha1.GroupVersion.Group, namespace), versions: map[string][]version{}}
	r.etcd, err = clientv3.New(clientv3.Config{Endpoints: []string{url}, TLS: secure, Logger: zap.NewNop()})
	Expect(err).NotTo(HaveOccurred())
	now, err := r.etcd.Get(ctx, r.prefix, clientv3.WithPrefix())
	Expect(err).NotTo(HaveOccurred())
	Expect(now.Kvs).To(BeEmpty(), "what was before is not recorded")
	r.revision = now.Header.Revision
	watching, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	DeferCleanup(func() error {
		stop()
		<-ended
		return r.etcd.Close()
	})
	go func() {
		defer close(ended)
		for watching.Err() == nil && r.lacks() == nil {
			r.follow(watching)
			pass(watching, 50*time.Millisecond)
		}
	}()
	return r
}

// lacks is why some may be missing; nil: none are.
func (r *records) lacks() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missed
}

// follow watches from the last revision that was seen.
func (r *records) follow(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	from := r.revision + 1
	r.mu.Unlock()
	for told := range r.etcd.Watch(ctx, r.prefix, clientv3.WithPrefix(), clientv3.WithRev(from)) {
		r.mu.Lock()
		if told.CompactRevision != 0 {
			r.missed = errors.Join(r.missed, fmt.Errorf("what was written up to revision %d", told.CompactRevision))
		}
		for _, e := range told.Events {
			r.missed = errors.Join(r.missed, r.saw(e))
		}
		r.mu.Unlock()
	}
}

// saw notes one write. The mutex is held.
func (r *records) saw(e *clientv3.Event) error {
	name := strings.TrimPrefix(string(e.Kv.Key), r.prefix)
	v := version{at: election.Now(), revision: e.Kv.ModRevision, deleted: e.Type == clientv3.EventTypeDelete}
	if v.deleted {
		if seen := r.versions[name]; len(seen) > 0 {
			last := seen[len(seen)-1]
			v.uid, v.status = last.uid, last.status
		}
	} else {
		o := &v1alpha1.ManualLock{}
		if err := json.Unmarshal(e.Kv.Value, o); err != nil {
			return fmt.Errorf("revision %d: %w", e.Kv.ModRevision, err)
		}
		v.uid, v.status = string(o.UID), o.Status
	}
	r.revision, r.versions[name] = v.revision, append(r.versions[name], v)
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
	now, err := r.etcd.Get(ctx, r.prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	Expect(err).NotTo(HaveOccurred())
	Eventually(ctx, func() error {
		for _, k := range now.Kvs {
			name := strings.TrimPrefix(string(k.Key), r.prefix)
			seen := r.of(name)
			if len(seen) == 0 || seen[len(seen)-1].revision < k.ModRevision {
				return fmt.Errorf("%s is not yet seen as of %d; missed: %w", name, k.ModRevision, r.lacks())
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

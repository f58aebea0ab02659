package record

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kube-zen/zen-lead/test/history"
)

// maxBridge is the number of revisions that are asked for one by one: while an API server restarts nothing is written,
// so what it had not sent is little. More means that the recorder was cut off from a cluster that went on.
const maxBridge = 5000

// bridge recovers what was written since the watch ended, when the API server does not remember it: etcd does, until the
// next compaction, and lists the objects as they were at each revision in between. Every revision is one write, so the
// difference of two lists that follow each other is exactly one event or none.
func (s *stream) bridge(ctx context.Context) error {
	_, to, err := s.objects(ctx, 0)
	if err != nil {
		return err
	}
	from, _ := s.state()
	if to-from > maxBridge {
		return fmt.Errorf("%w: the API server knows nothing of revisions %d to %d, too many to ask etcd for", errGap, from+1, to)
	}
	for revision := from + 1; revision <= to; revision++ {
		if err := s.step(ctx, revision); gone(err) {
			return fmt.Errorf("%w: %w", errGap, err)
		} else if err != nil {
			return err
		}
		s.seen(revision)
	}
	return nil
}

// step records what was written at one revision.
func (s *stream) step(ctx context.Context, revision int64) error {
	objects, _, err := s.objects(ctx, revision)
	if err != nil {
		return err
	}
	there := map[name]bool{}
	for _, o := range objects {
		m, err := meta.Accessor(o)
		if err != nil {
			return err
		}
		key := name{m.GetNamespace(), m.GetName()}
		there[key] = true
		t := history.Added
		if before, was := s.known[key]; was && before.event.UID == string(m.GetUID()) {
			if strconv.FormatInt(before.event.Revision, 10) == m.GetResourceVersion() {
				continue
			}
			t = history.Modified
		}
		if err := s.put(t, o); err != nil {
			return err
		}
	}
	for key, k := range s.known {
		if there[key] {
			continue
		}
		e := k.event
		e.Type, e.Revision, e.Received, e.Injected = history.Deleted, revision, time.Now(), false
		delete(s.known, key)
		if err := s.recorder.add(e); err != nil {
			return err
		}
	}
	return nil
}

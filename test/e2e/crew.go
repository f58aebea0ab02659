package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

// crew are the pods of a Deployment that contend for a pool of the same name, and what they say of their work.
type crew struct {
	*world
	app   string
	works *workLog
	// late are works after the end of their term that were expected.
	late map[Work]bool
}

func (w *world) newCrew(app string, works *workLog) *crew {
	return &crew{world: w, app: app, works: works, late: map[Work]bool{}}
}

// check checks all that was heard.
func (c *crew) check() error {
	return summary(CheckWork(slices.DeleteFunc(c.works.all(), func(w Work) bool { return c.late[w] })))
}

// awaitWork waits until somebody works in a term above another, and returns that work.
func (c *crew) awaitWork(ctx context.Context, above int64) (is Work, err error) {
	err = c.await(ctx, soon, fmt.Sprintf("work of %s in a term above %d", c.app, above), func(ctx context.Context) error {
		found, err := c.pods(ctx, namespace, "app", c.app)
		if err != nil {
			return err
		}
		c.works.follow(found)
		is, err = c.works.latest()
		if err == nil && is.Term <= above {
			err = errNotYet
		}
		return err
	})
	return is, err
}

// workingPod is the pod that works now.
func (c *crew) workingPod(ctx context.Context) (pod corev1.Pod, is Work, err error) {
	if is, err = c.awaitWork(ctx, 0); err != nil {
		return pod, is, err
	}
	return pod, is, c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: is.Pod}, &pod)
}

// workElsewhere is the pod that works, on a node that may be broken: if need be the work is handed over.
func (c *crew) workElsewhere(ctx context.Context) (pod corev1.Pod, is Work, err error) {
	for {
		pod, is, err = c.workingPod(ctx)
		if err != nil || pod.Spec.NodeName != kept {
			return pod, is, err
		}
		if _, err := c.handOver(ctx, is); err != nil {
			return pod, is, err
		}
	}
}

// another waits for the work of the next term, and checks all that was heard.
func (c *crew) another(ctx context.Context, was Work) (is Work, told string, err error) {
	if is, err = c.awaitWork(ctx, was.Term); err != nil {
		return is, "", err
	}
	return is, fmt.Sprintf("work stood still for %s", c.works.silence(was.Term, is.Term).Round(time.Millisecond)), c.check()
}

// handOver asks for a move away from who works, as people do, and waits for it.
func (c *crew) handOver(ctx context.Context, was Work) (told string, err error) {
	to, err := c.askForHandover(ctx, was)
	if err != nil {
		return "", err
	}
	is, told, err := c.another(ctx, was)
	if err == nil && is.Pod != to {
		err = fmt.Errorf("%s was to work, and %s does", to, is.Pod)
	}
	return told, err
}

// askForHandover asks for a move to a ready pod other than the one that works.
func (c *crew) askForHandover(ctx context.Context, was Work) (to string, err error) {
	found, err := c.pods(ctx, namespace, "app", c.app)
	if err != nil {
		return "", err
	}
	for _, p := range found {
		if p.Name != was.Pod && p.DeletionTimestamp == nil && isReady(p) {
			to = p.Name
		}
	}
	return to, c.requestHandover(ctx, c.app, to)
}

// requestHandover writes the request on a policy.
func (w *world) requestHandover(ctx context.Context, pool, to string) error {
	policy := &v1alpha1.LeaderPolicy{}
	policy.Namespace, policy.Name = namespace, pool
	request := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.HandoverAnnotation, to)
	return w.Patch(ctx, policy, client.RawPatch(types.MergePatchType, []byte(request)))
}

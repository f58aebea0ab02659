package lead

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/rest"
)

// teller logs why Lease and policy cannot be followed: what is new at once, what goes on every half minute.
type teller struct {
	log       *slog.Logger
	config    *rest.Config
	namespace string
	mu        sync.Mutex
	told      map[string]time.Time
}

const tellAgain = 30 * time.Second

func newTeller(log *slog.Logger, config *rest.Config, namespace string) *teller {
	return &teller{log: log, config: config, namespace: namespace, told: map[string]time.Time{}}
}

func (t *teller) failed(err error) {
	err = brief(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.told[err.Error()]; ok && time.Since(last) < tellAgain {
		return
	}
	if len(t.told) > 100 {
		clear(t.told)
	}
	t.told[err.Error()] = time.Now()
	if apierrors.IsForbidden(err) {
		t.log.Error("This process may not take part; give its account the right with: "+t.grant(), "error", err)
		return
	}
	t.log.Warn("The API server cannot be followed; trying again", "error", err)
}

// brief leaves out of a failed request what differs from one to the next of the same kind: parameters and object. A server that
// is away is told of once.
func brief(err error) error {
	request, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	u, parseErr := url.Parse(request.URL)
	if parseErr != nil {
		return err
	}
	return fmt.Errorf("%s %s://%s: %w", request.Op, u.Scheme, u.Host, request.Err)
}

// grant is the command that gives this process's account the right to take part.
func (t *teller) grant() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	user := "USER"
	if c, err := authenticationclient.NewForConfig(t.config); err == nil {
		if r, err := c.SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}); err == nil {
			user = r.Status.UserInfo.Username
		}
	}
	return grantTo(user, t.namespace)
}

func grantTo(user, namespace string) string {
	name, subject := strings.NewReplacer(":", "-", "@", "-").Replace(user), "--user="+user
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		if in, of, ok := strings.Cut(account, ":"); ok {
			name, subject = of, "--serviceaccount="+in+":"+of
		}
	}
	return fmt.Sprintf("kubectl create rolebinding %s-participates --clusterrole=zen-lead-participant %s --namespace=%s", name, subject, namespace)
}

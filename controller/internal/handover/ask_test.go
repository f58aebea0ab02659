package handover

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

var (
	web     = types.NamespacedName{Namespace: "shop", Name: "web"}
	errAway = errors.New("connection refused")
	errGone = apierrors.NewNotFound(schema.GroupResource{Resource: "leaderpolicies"}, web.Name)
)

// led is the policy of web, led by a pod in a term.
func led(pod string, term int64) *v1alpha1.LeaderPolicy {
	p := &v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name, ResourceVersion: "10"}}
	p.Status.Term = term
	if pod != "" {
		p.Status.CurrentHolder = &v1alpha1.Holder{Name: pod}
	}
	return p
}

// saying has the policy say what became of a handover.
func saying(p *v1alpha1.LeaderPolicy, status metav1.ConditionStatus, message string) *v1alpha1.LeaderPolicy {
	p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionHandover, Status: status, Message: message}}
	return p
}

func TestWhatBecameOfARequest(t *testing.T) {
	done, not := metav1.ConditionTrue, metav1.ConditionFalse
	for name, tc := range map[string]struct {
		policy *v1alpha1.LeaderPolicy
		term   int64
		err    error // nil: the lead was moved
	}{
		"the pod leads in the term that is told":                       {saying(led("b", 6), done, "b: leads in term 6"), 6, nil},
		"it was refused":                                               {saying(led("a", 5), not, "b: not handed over: it is not ready"), 0, &RefusedError{}},
		"it was taken off, and nobody ever asked before":               {led("a", 5), 0, ErrReplaced},
		"another one was answered":                                     {saying(led("c", 6), done, "c: leads in term 6"), 0, ErrReplaced},
		"another one was refused, to a pod whose name begins the same": {saying(led("a", 5), not, "b-1: not handed over: it is not ready"), 0, ErrReplaced},
		"it was taken off, and what is told is of a move long ago":     {saying(led("a", 440), done, "b: leads in term 400"), 0, ErrReplaced},
		"the pod leads again, but in a term that is not told":          {saying(led("b", 440), done, "b: leads in term 400"), 0, ErrReplaced},
		"the term was another's":                                       {saying(led("a", 6), done, "b: leads in term 6"), 0, ErrReplaced},
		"nobody leads by now":                                          {saying(led("", 6), done, "b: leads in term 6"), 0, ErrReplaced},
		"a controller of another version tells no term":                {saying(led("b", 6), done, "b: leads"), 0, ErrReplaced},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := outcome(tc.policy, "b")
			if !same(err, tc.err) || got.Term != tc.term || (err == nil) != (got.Message != "") {
				t.Errorf("%+v, %v; want term %d, %v", got, err, tc.term, tc.err)
			}
		})
	}
}

// same says whether an error is the one that is wanted, or of its kind.
func same(err, want error) bool {
	return errors.Is(err, want) || of[*RefusedError](err) && of[*RefusedError](want) || of[*NoAnswerError](err) && of[*NoAnswerError](want)
}

func of[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// server is an API server with one policy, and a controller that comes to an answer.
type server struct {
	client.Client // any other call panics

	policy  *v1alpha1.LeaderPolicy
	refuses error // to be asked
	away    error // to read
	// answers is what the controller does with a request, after a second; nil: nothing.
	answers func(*server)
	asked   time.Time
}

func (s *server) Get(ctx context.Context, _ client.ObjectKey, to client.Object, _ ...client.GetOption) error {
	if s.answers != nil && !s.asked.IsZero() && time.Since(s.asked) >= time.Second {
		s.answers(s)
		s.answers = nil
	}
	if s.away != nil {
		return s.away
	}
	if p, ok := to.(*v1alpha1.LeaderPolicy); ok {
		s.policy.DeepCopyInto(p)
	}
	return ctx.Err()
}

func (s *server) Patch(_ context.Context, o client.Object, _ client.Patch, _ ...client.PatchOption) error {
	if s.refuses != nil {
		return s.refuses
	}
	s.policy.Annotations = map[string]string{v1alpha1.HandoverAnnotation: "b"}
	s.written()
	s.asked = time.Now()
	o.SetResourceVersion(s.policy.ResourceVersion)
	return nil
}

func (s *server) written() {
	v, _ := strconv.Atoi(s.policy.ResourceVersion)
	s.policy.ResourceVersion = strconv.Itoa(v + 1)
}

// becomes is a controller that writes a policy in place of the one with the request.
func becomes(p *v1alpha1.LeaderPolicy) func(*server) {
	return func(s *server) {
		p.ResourceVersion = s.policy.ResourceVersion
		s.policy = p
		s.written()
	}
}

func TestAsk(t *testing.T) {
	participant := led("a", 5)
	participant.Spec.Mode = v1alpha1.ModeParticipant
	participant.Spec.LeaseDurationSeconds = new(int32(15))
	for name, tc := range map[string]struct {
		server server
		within time.Duration // of the caller; 0: it waits
		err    error
		not    error // what the error is not
		after  time.Duration
	}{
		"that is answered": {
			server: server{policy: led("a", 5), answers: becomes(saying(led("b", 6), metav1.ConditionTrue, "b: leads in term 6"))}, after: time.Second,
		},
		"that is refused": {
			server: server{policy: led("a", 5), answers: becomes(saying(led("a", 5), metav1.ConditionFalse, "b: not handed over: it is not ready"))},
			err:    &RefusedError{}, after: time.Second,
		},
		"that is answered to somebody else, long ago": {
			server: server{policy: saying(led("a", 440), metav1.ConditionTrue, "b: leads in term 400"),
				answers: becomes(saying(led("a", 440), metav1.ConditionTrue, "b: leads in term 400"))},
			err: ErrReplaced, after: time.Second,
		},
		"that nobody answers":                          {server: server{policy: led("a", 5)}, err: &NoAnswerError{}, not: ErrOutcomeUnknown, after: answerWithin},
		"that nobody answers, where members contend":   {server: server{policy: participant}, err: &NoAnswerError{}, after: answerWithin + 30*time.Second},
		"of a pool that there is not":                  {server: server{away: errGone}, err: errGone, not: ErrOutcomeUnknown},
		"that the API server does not take":            {server: server{policy: led("a", 5), refuses: errAway}, err: errAway, not: ErrOutcomeUnknown},
		"of a pool that is deleted before it is asked": {server: server{policy: led("a", 5), refuses: errGone}, err: errGone, not: ErrOutcomeUnknown},
		"of a pool that is deleted once it was asked": {
			server: server{policy: led("a", 5), answers: func(s *server) { s.away = errGone }}, err: ErrOutcomeUnknown, after: time.Second,
		},
		"and then the API server cannot be read": {
			server: server{policy: led("a", 5), answers: func(s *server) { s.away = errAway }}, err: ErrOutcomeUnknown, after: time.Second,
		},
		"and then the caller goes": {
			server: server{policy: led("a", 5)}, within: 3 * time.Second, err: ErrOutcomeUnknown, after: 3 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if tc.within > 0 {
					ctx, cancel = context.WithTimeout(ctx, tc.within)
					defer cancel()
				}
				start := time.Now()
				_, err := Ask(ctx, &tc.server, web, "b")
				if !same(err, tc.err) || tc.not != nil && errors.Is(err, tc.not) {
					t.Errorf("%v, want %v", err, tc.err)
				}
				if took := time.Since(start); took < tc.after || took > tc.after+lookEvery {
					t.Errorf("after %v, want %v", took, tc.after)
				}
			})
		})
	}
}

package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	utilcache "k8s.io/apimachinery/pkg/util/cache"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

const (
	// checkedFor is how long an answer of the API server about a caller is relied on, and reviewedFor how long what it is made of,
	// for other questions about that caller. A right that is taken away is gone after the sum of both.
	checkedFor  = 10 * time.Second
	reviewedFor = 5 * time.Second
	// askAfter is when it is asked anew meanwhile, for a caller that goes on asking.
	askAfter = 7 * time.Second
	// How many questions about bearers that are not known the API server is asked a second: strangers' tokens must not become its load.
	strangersPerSecond = 100
	strangersAtOnce    = 400
	// trustedFor is how long the last answer is relied on while the API server cannot be asked: who leads is asked most when
	// it is away. For reading only.
	trustedFor = 10 * time.Minute
	// hangsAfter is how long the API server is waited for, about a caller whose last answer can be relied on. One that hangs must not make
	// holders of locks miss their renewals. What it says later counts from then on.
	hangsAfter = 200 * time.Millisecond
)

// verb is what the caller wants to do, with objects of a kind.
type verb struct {
	name, resource string
	// lasting: the last answer counts for a while where the API server cannot be asked.
	lasting bool
}

func (v verb) String() string { return v.name }

// be is to be somebody, whatever that one may do.
var be = verb{lasting: true}

// What may be done with LeaderPolicies.
var (
	get    = verb{"get", "leaderpolicies", true}
	list   = verb{"list", "leaderpolicies", true}
	watch  = verb{"watch", "leaderpolicies", true}
	update = verb{"update", "leaderpolicies", false}
)

// What may be done with ManualLocks. Who keeps a lock that it was granted goes on while the API server is away, for as long as this replica
// counts.
var (
	getLock      = verb{"get", "manuallocks", true}
	listLocks    = verb{"list", "manuallocks", true}
	watchLock    = verb{"watch", "manuallocks", true}
	acquireLock  = verb{"acquire", "manuallocks", false}
	keepLock     = verb{"acquire", "manuallocks", true}
	forceRelease = verb{"force-release", "manuallocks", false}
)

// access decides who may do what. Every decision is the API server's; it is remembered for a while.
type access struct {
	tokens  authenticator.Request
	rights  authorizer.UnconditionalAuthorizer
	callers *callers
	now     func() time.Time
	grants  grants
	// known are the callers whose bearers were found to be theirs, by hash; strangers limits the questions about other bearers.
	known     *utilcache.LRUExpireCache
	asking    singleflight.Group
	strangers *rate.Limiter
	// hangs: the API server has not answered for hangsAfter, and nothing since.
	hangs atomic.Bool
}

func newJudge(tokens authenticator.Request, rights authorizer.UnconditionalAuthorizer) *access {
	return &access{
		tokens: tokens, rights: rights, callers: newCallers(), now: time.Now,
		known: utilcache.NewLRUExpireCache(rememberedCallers), strangers: rate.NewLimiter(strangersPerSecond, strangersAtOnce),
	}
}

// admit returns the caller whose Authorization header it is, if it may do this with a pool. An empty name means all pools of the
// namespace, and an empty namespace all of them.
func (a *access) admit(ctx context.Context, header string, v verb, pool types.NamespacedName) (*caller, error) {
	q := questionOf(header, v, pool)
	known, age := a.grants.get(q), time.Duration(0)
	if known != nil {
		age = a.now().Sub(known.at)
	}
	if known != nil && age < checkedFor {
		if age > askAfter { // so that nobody waits when it has passed
			a.askAnew(ctx, header, q, known)
		}
		return known.caller, nil
	}
	if known != nil && v.lasting && age < trustedFor {
		return a.rely(ctx, header, q, known)
	}
	return a.decide(ctx, header, q)
}

// rely returns what the API server says, or the caller of the last answer where it says nothing.
func (a *access) rely(ctx context.Context, header string, q question, known *grant) (*caller, error) {
	if a.hangs.Load() { // so much was waited for already
		a.askAnew(ctx, header, q, known)
		return known.caller, nil
	}
	type answer struct {
		*caller
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		c, err := a.decide(ctx, header, q)
		if unanswered(err) {
			c, err = known.caller, nil
		}
		answered <- answer{c, err}
	}()
	patience := time.NewTimer(hangsAfter)
	defer patience.Stop()
	select {
	case got := <-answered:
		return got.caller, got.err
	case <-patience.C:
		a.hangs.Store(true)
		return known.caller, nil
	}
}

// askAnew has the API server asked, unless it is being asked, and does not wait. What comes of it is remembered.
func (a *access) askAnew(ctx context.Context, header string, q question, known *grant) {
	if known.asking.CompareAndSwap(false, true) {
		go func() {
			defer known.asking.Store(false)
			_, _ = a.decide(ctx, header, q)
		}()
	}
}

// decide asks, once for all who wait for the same answer, and remembers it. The question does not end with the caller's patience: that it
// was not waited for is not that the API server does not answer.
func (a *access) decide(ctx context.Context, header string, q question) (*caller, error) {
	v, err, _ := a.asking.Do(fmt.Sprintf("%s %s %s %s", q.bearer, q.verb, q.verb.resource, q.pool), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*reviewTimeout)
		defer cancel()
		return a.askAndRemember(ctx, header, q)
	})
	c, _ := v.(*caller)
	return c, err
}

func (a *access) askAndRemember(ctx context.Context, header string, q question) (*caller, error) {
	if a.callerOf(q) == nil {
		if err := a.queue(ctx); err != nil {
			return nil, err
		}
	}
	name, err := a.ask(ctx, header, q.verb, q.pool)
	if !unanswered(err) {
		a.hangs.Store(false)
	}
	switch {
	case err == nil:
		c := a.callers.of(name)
		a.known.Add(q.bearer, c, trustedFor)
		a.grants.put(q, &grant{caller: c, at: a.now()})
		return c, nil
	case !unanswered(err):
		a.grants.drop(q)
	}
	if f, ok := errors.AsType[*failure](err); ok && f.code == codes.Unauthenticated {
		a.known.Remove(q.bearer) // nobody is charged for a token that is not valid any more
	}
	return nil, err
}

// counted lets a caller in as admit does, and counts that as one request of it, also where it is refused: a refusal is not remembered, so that the
// API server is asked again the next time. Who is not known yet waits his turn with the others.
func (a *access) counted(header string, admit func() (*caller, error)) (*caller, error) {
	known := a.callerOf(questionOf(header, be, types.NamespacedName{}))
	if known != nil {
		if err := known.request(); err != nil {
			return nil, err
		}
	}
	c, err := admit()
	switch {
	case err != nil:
		return nil, err
	case known == nil:
		return c, c.request()
	}
	return c, nil
}

// callerOf is whose a bearer was found to be; nil where it is not known.
func (a *access) callerOf(q question) *caller {
	known, _ := a.known.Get(q.bearer)
	c, _ := known.(*caller)
	return c
}

// queue has who is not known yet wait for his turn.
func (a *access) queue(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	if a.strangers.Wait(ctx) != nil {
		return fail(codes.ResourceExhausted, reasonTooMany, "too many callers that are not known yet; try again")
	}
	return nil
}

// unanswered says whether the API server could not be asked.
func unanswered(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.code == codes.Unavailable
}

// ask has the API server say who the bearer is, and whether it may.
func (a *access) ask(ctx context.Context, header string, v verb, pool types.NamespacedName) (string, error) {
	// Without an audience in the context, tokens that were made for the API server, or for anybody, would do.
	r := (&http.Request{Header: http.Header{}}).WithContext(authenticator.WithAudiences(ctx, authenticator.Audiences{Audience}))
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	who, ok, err := a.tokens.AuthenticateRequest(r)
	switch {
	case err != nil && outage(err):
		return "", fail(codes.Unavailable, reasonUnavailable, "the API server cannot be asked who you are")
	case header == "" && !ok:
		return "", fail(codes.Unauthenticated, reasonUnauthenticated, `no token: send "Authorization: Bearer TOKEN" (kubectl create token ACCOUNT --audience %s)`, Audience)
	case !ok || err != nil:
		return "", fail(codes.Unauthenticated, reasonUnauthenticated, "the token is not valid here: it has expired, or was not made for zen-lead (kubectl create token ACCOUNT --audience %s)", Audience)
	}
	if v == be {
		return who.User.GetName(), nil
	}
	return who.User.GetName(), a.authorize(ctx, who.User, v, pool)
}

// identify returns the caller whose Authorization header it is.
func (a *access) identify(ctx context.Context, header string) (*caller, error) {
	return a.admit(ctx, header, be, types.NamespacedName{})
}

func (a *access) authorize(ctx context.Context, who user.Info, v verb, pool types.NamespacedName) error {
	decision, _, err := a.rights.Authorize(ctx, authorizer.AttributesRecord{
		User: who, Verb: v.name, Namespace: pool.Namespace, Name: pool.Name, ResourceRequest: true,
		APIGroup: v1alpha1.GroupVersion.Group, APIVersion: v1alpha1.GroupVersion.Version, Resource: v.resource,
	})
	switch {
	case err != nil:
		return fail(codes.Unavailable, reasonUnavailable, "the API server cannot be asked what you may do")
	case decision != authorizer.DecisionAllow:
		return fail(codes.PermissionDenied, reasonForbidden, "%s may not %s %s", who.GetName(), v, object(v.resource, pool))
	}
	return nil
}

// outage says whether an error is that the API server did not answer, rather than its answer.
func outage(err error) bool {
	if all, ok := errors.AsType[utilerrors.Aggregate](err); ok {
		return slices.ContainsFunc(all.Errors(), outage)
	}
	var answered apierrors.APIStatus
	var network net.Error
	return errors.As(err, &answered) || errors.As(err, &network) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// object names what is asked for, for people.
func object(resource string, pool types.NamespacedName) string {
	switch {
	case pool.Name != "":
		return fmt.Sprintf("%s %q in namespace %q", resource, pool.Name, pool.Namespace)
	case pool.Namespace != "":
		return fmt.Sprintf("%s in namespace %q", resource, pool.Namespace)
	default:
		return resource + " in all namespaces"
	}
}

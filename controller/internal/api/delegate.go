package api

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Audience is whom a caller's token must be made for.
const Audience = "zen-lead"

// reviewTimeout bounds one question about a caller.
const reviewTimeout = 5 * time.Second

// newAccess has the API server decide about callers: who they are by a TokenReview, what they may by a SubjectAccessReview. With
// anonymous, who brings no token is system:anonymous.
func newAccess(config *rest.Config, anonymous bool) (*access, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Timeout = -1, reviewTimeout // strangers are limited before, and known callers must not wait behind them
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of reviews: %w", err)
	}
	once := &wait.Backoff{Steps: 1} // who asks may ask again
	tokens, _, err := authenticatorfactory.DelegatingAuthenticatorConfig{
		Anonymous:               &apiserver.AnonymousAuthConfig{Enabled: anonymous},
		TokenAccessReviewClient: client.AuthenticationV1(), TokenAccessReviewTimeout: reviewTimeout,
		WebhookRetryBackoff: once, CacheTTL: reviewedFor,
	}.New()
	if err != nil {
		return nil, fmt.Errorf("token reviews: %w", err)
	}
	rights, err := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: client.AuthorizationV1(), WebhookRetryBackoff: once, AllowCacheTTL: reviewedFor, DenyCacheTTL: reviewedFor,
	}.New()
	if err != nil {
		return nil, fmt.Errorf("access reviews: %w", err)
	}
	return newJudge(tokens, rights), nil
}

package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// lookEvery is how often the Secret is read, and up to a tenth later.
	lookEvery = time.Hour
	// retryFirst and retryMost are how long after a failure it is tried again.
	retryFirst, retryMost = time.Second, 5 * time.Minute
	// requestTimeout bounds one request.
	requestTimeout = 10 * time.Second
)

// SelfManaged keeps a Secret filled: an authority with its key (ca.crt, ca.key) and a certificate signed by it with its key
// (tls.crt, tls.key). The Secret is made by somebody else; it needs the rights to get and to update that one.
type SelfManaged struct {
	// Client updates, Live reads the Secret. Live is no cache: one would list and watch Secrets.
	Client client.Writer
	Live   client.Reader
	Secret types.NamespacedName
	// Names are what clients call the API, DNS names and addresses.
	Names []string
	// Offer is given the pair that the Secret holds, each time that it was read or written.
	Offer func(*tls.Certificate)
	Now   func() time.Time
}

// NeedLeaderElection says that every replica does it: what one wrote, the others find.
func (s *SelfManaged) NeedLeaderElection() bool { return false }

// Start looks after the Secret until ctx ends, and never returns an error.
func (s *SelfManaged) Start(ctx context.Context) error {
	logger := log.FromContext(ctx).WithName("certificate").WithValues("secret", s.Secret.String())
	ctx = log.IntoContext(ctx, logger)
	patience := newPatience()
	for ctx.Err() == nil {
		delay := wait.Jitter(lookEvery, 0.1)
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error { return s.look(ctx) })
		if err != nil && ctx.Err() == nil {
			delay = patience.Step()
			logger.Info("The API's certificate is not looked after; pools are not concerned", "why", err.Error(), "again", delay.String())
		} else {
			patience = newPatience()
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	return nil
}

func newPatience() wait.Backoff {
	return wait.Backoff{Duration: retryFirst, Factor: 2, Jitter: 0.1, Steps: 20, Cap: retryMost}
}

// look reads the Secret, makes what is wanting and writes it in the version that was read: after a conflict it is read
// again, as another replica has done the same.
func (s *SelfManaged) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	secret := &corev1.Secret{}
	err := s.Live.Get(ctx, s.Secret, secret)
	switch {
	case apierrors.IsNotFound(err):
		return errors.New("it is not there; the chart makes it, and zen-lead may not")
	case err != nil:
		return fmt.Errorf("read: %w", err)
	}
	p := decide(read(secret.Data), s.Names, s.Now())
	if !p.nothing() {
		if secret.Data, err = made(secret.Data, p, s.Names, s.Now()); err != nil {
			return err
		}
		if err := s.Client.Update(ctx, secret); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		log.FromContext(ctx).Info("The API's certificate was made", "whyAuthority", p.authority, "whyCertificate", p.serving, "endedAuthorities", p.dropped)
	}
	pair, err := tls.X509KeyPair(secret.Data[servingKey], secret.Data[servingPrivateKey])
	if err != nil {
		return fmt.Errorf("use: %w", err)
	}
	s.Offer(&pair)
	return nil
}

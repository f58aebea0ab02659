package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// awaitEvery is how often it is looked whether the files are there.
const awaitEvery = time.Second

// Files serve tls.crt and tls.key of a folder, and follow them when they change. They may be missing at first. Its methods are
// safe for concurrent use.
type Files struct {
	certificate, key string
	every            time.Duration

	ready chan struct{}
	once  sync.Once

	watcher atomic.Pointer[certwatcher.CertWatcher]
	offered atomic.Pointer[tls.Certificate]
	awaited atomic.Pointer[error]
}

// NewFiles returns those of a folder. Start has them loaded.
func NewFiles(dir string) *Files {
	f := &Files{
		certificate: filepath.Join(dir, corev1.TLSCertKey),
		key:         filepath.Join(dir, corev1.TLSPrivateKeyKey),
		every:       awaitEvery,
		ready:       make(chan struct{}),
	}
	f.await(fmt.Errorf("%s was not looked for", f.certificate))
	return f
}

// GetCertificate is that of a tls.Config. It returns the pair in the files, or the one that was offered if that was issued
// later; while there is neither, an error that says what is awaited.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	offered := f.offered.Load()
	var loaded *tls.Certificate
	if w := f.watcher.Load(); w != nil {
		loaded, _ = w.GetCertificate(nil) // it never fails
	}
	switch {
	case loaded == nil && offered == nil:
		return nil, fmt.Errorf("no certificate yet: %w", *f.awaited.Load())
	case loaded == nil || offered != nil && offered.Leaf.NotBefore.After(loaded.Leaf.NotBefore):
		return offered, nil
	default:
		return loaded, nil
	}
}

// Ready is closed once there is a certificate.
func (f *Files) Ready() <-chan struct{} { return f.ready }

// Check is a healthz.Checker: it fails, and says what is awaited, while there is no certificate.
func (f *Files) Check(*http.Request) error {
	_, err := f.GetCertificate(nil)
	return err
}

// Offer has c served until the files hold what was issued later: a kubelet takes up to a minute and a half to bring to a
// folder what has just been written to its Secret.
func (f *Files) Offer(c *tls.Certificate) {
	f.offered.Store(c)
	f.once.Do(func() { close(f.ready) })
}

// NeedLeaderElection says that every replica serves.
func (f *Files) NeedLeaderElection() bool { return false }

// Start waits for the files and follows them until ctx ends, and never returns an error.
func (f *Files) Start(ctx context.Context) error {
	logger := log.FromContext(ctx).WithName("certificate")
	var w *certwatcher.CertWatcher
	told := ""
	err := wait.PollUntilContextCancel(ctx, f.every, true, func(context.Context) (bool, error) {
		var err error
		if w, err = f.open(); err != nil {
			f.await(err)
			if told != err.Error() {
				told = err.Error()
				logger.Info("The API has no certificate of files yet", "why", told)
			}
		}
		return err == nil, nil
	})
	if err != nil {
		return nil //nolint:nilerr // ctx has ended, and that is all that ends it
	}
	f.watcher.Store(w)
	f.once.Do(func() { close(f.ready) })
	logger.Info("The API's certificate was loaded", "file", f.certificate)
	for ctx.Err() == nil {
		if err := w.Start(ctx); err != nil && ctx.Err() == nil { // the files went at once; what was loaded is served
			logger.Info("The API's certificate is not followed", "why", err.Error())
		}
	}
	return nil
}

// open loads the files. certwatcher, which counts what it cannot read as errors, gets them when they are there.
func (f *Files) open() (*certwatcher.CertWatcher, error) {
	for _, file := range []string{f.certificate, f.key} {
		_, err := os.Stat(file)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("%s is awaited", file)
		case err != nil:
			return nil, err
		}
	}
	w, err := certwatcher.New(f.certificate, f.key)
	if err != nil {
		return nil, fmt.Errorf("load %s and %s: %w", f.certificate, f.key, err)
	}
	return w, nil
}

func (f *Files) await(err error) { f.awaited.Store(&err) }

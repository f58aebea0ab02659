package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kube-zen/zen-lead/core/term"
)

var configMaps = corev1.SchemeGroupVersion.WithResource("configmaps")

// settings is what clients write.
var settings = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "settings"}}

// echo answers with what it was sent, or with an object where it was asked for one.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 || r.Header.Get("Content-Type") != "application/json" || r.Method == http.MethodDelete {
		body = []byte(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"settings","namespace":"default"}}`)
	}
	_, _ = w.Write(body)
}

// kubernetesOf makes a typed client.
func kubernetesOf(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// create writes with a typed client.
func create(ctx context.Context, c kubernetes.Interface) error {
	_, err := c.CoreV1().ConfigMaps("default").Create(ctx, settings, metav1.CreateOptions{})
	return err
}

func TestEveryClientWritesInItsTermAndReadsAfterIt(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *rest.Config) (write, read func(context.Context) error){
		"typed": func(t *testing.T, config *rest.Config) (write, read func(context.Context) error) {
			c := kubernetesOf(t, config)
			return func(ctx context.Context) error { return create(ctx, c) }, func(ctx context.Context) error {
				_, err := c.CoreV1().ConfigMaps("default").Get(ctx, "settings", metav1.GetOptions{})
				return err
			}
		},
		"dynamic": func(t *testing.T, config *rest.Config) (write, read func(context.Context) error) {
			c, err := dynamic.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings"}}}
			return func(ctx context.Context) error {
					_, err := c.Resource(configMaps).Namespace("default").Update(ctx, o, metav1.UpdateOptions{})
					return err
				}, func(ctx context.Context) error {
					_, err := c.Resource(configMaps).Namespace("default").Get(ctx, "settings", metav1.GetOptions{})
					return err
				}
		},
		"of metadata": func(t *testing.T, config *rest.Config) (write, read func(context.Context) error) {
			c, err := metadata.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			return func(ctx context.Context) error {
				return c.Resource(configMaps).Namespace("default").Delete(ctx, "settings", metav1.DeleteOptions{})
			}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, held := newAPI(t, echo), newTenure()
				write, read := open(t, Fence(a.config, held))
				if err := write(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second) // no context has ended
				before := len(a.arrived())
				err := write(t.Context())
				if !errors.Is(err, ErrNotSent) || !errors.Is(err, term.ErrLost) || errors.Is(err, term.ErrUnknown) {
					t.Errorf("after the term: %v", err)
				}
				if len(a.arrived()) != before {
					t.Errorf("%v arrived", a.arrived())
				}
				if read == nil {
					return
				}
				if err := read(t.Context()); err != nil {
					t.Errorf("a read after the term: %v", err)
				}
			})
		})
	}
}

func TestARefusalIsWhatTheTermSaysAndNamesTheWrite(t *testing.T) {
	outcomes := []error{term.ErrHeld, term.ErrLost, term.ErrReleased, term.ErrUnknown}
	for i, outcome := range outcomes {
		t.Run(outcome.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, held := newAPI(t, echo), newTenure()
				held.change(func() { held.err = outcome })
				err := create(t.Context(), kubernetesOf(t, Fence(a.config, held)))
				for j, is := range outcomes {
					if errors.Is(err, is) != (i == j) {
						t.Errorf("%v: is %v: %v", err, is, errors.Is(err, is))
					}
				}
				if !strings.Contains(err.Error(), "POST /api/v1/namespaces/default/configmaps: the write was not sent: "+outcome.Error()) {
					t.Error(err)
				}
			})
		})
	}
}

// The term says nothing yet, and its time is over: that is enough.
func TestNothingIsSentWithoutTimeForWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, echo)
		err := create(t.Context(), kubernetesOf(t, Fence(a.config, silent{newTenure()})))
		if !errors.Is(err, ErrNotSent) || !errors.Is(err, term.ErrLost) {
			t.Error(err)
		}
	})
}

// silent is a term that never says that it is over.
type silent struct{ *tenure }

func (silent) Err() error       { return nil }
func (silent) Left() term.Times { return term.Times{Hard: time.Second} }

// An API server that is busy has clients wait and try again, by themselves.
func TestEachRetryIsJudgedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "4")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		began := time.Now()
		err := create(t.Context(), kubernetesOf(t, Fence(a.config, newTenure())))
		if !errors.Is(err, ErrNotSent) || !errors.Is(err, term.ErrLost) {
			t.Error(err)
		}
		if n := len(a.arrived()); n != 3 { // at 0, 4 and 8 s
			t.Errorf("it was sent %d times", n)
		}
		if took := time.Since(began); took != 12*time.Second {
			t.Errorf("it was given up after %v, want 12s: at the first that is refused", took)
		}
	})
}

// What a wrapper in the configuration tries again goes through the fence again.
func TestAFenceIsBelowTheWrappersOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, held := newAPI(t, echo), newTenure()
		a.config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(11 * time.Second) // as for a token
				return next.RoundTrip(r)
			})
		})
		if err := create(t.Context(), kubernetesOf(t, Fence(a.config, held))); !errors.Is(err, term.ErrLost) || len(a.arrived()) > 0 {
			t.Errorf("%v, %v arrived", err, a.arrived())
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAClientThatOutlivesTermsIsFencedByThatOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		a := newAPI(t, echo)
		c := kubernetesOf(t, FenceFunc(a.config, func(ctx context.Context) Tenure {
			held, _ := ctx.Value(key{}).(Tenure)
			return held
		}))
		if err := create(t.Context(), c); !errors.Is(err, ErrNotSent) || !errors.Is(err, term.ErrLost) {
			t.Errorf("in no term: %v", err)
		}
		if err := create(context.WithValue(t.Context(), key{}, newTenure()), c); err != nil {
			t.Error(err)
		}
	})
}

func TestTheConfigurationThatIsFencedStaysAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, held := newAPI(t, echo), newTenure()
		held.change(func() { held.err = term.ErrLost })
		Fence(a.config, held, StampTerm())
		if err := create(t.Context(), kubernetesOf(t, a.config)); err != nil || a.config.ContentType != "" {
			t.Errorf("%v, Content-Type %q", err, a.config.ContentType)
		}
	})
}

package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/agent"
	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/kube"
	zenlead "github.com/kube-zen/zen-lead/sdk/go"
)

// defaultServer is where the chart puts the API.
const defaultServer = "zen-lead-api.zen-lead-system.svc:9090"

// makeWithin is how long it may take to make a lock.
const makeWithin = 10 * time.Second

type lock struct {
	wait                                 time.Duration
	namespace, server, tokenFile, caFile string
}

func newLock() *cobra.Command {
	l := &lock{}
	c := &cobra.Command{
		Use:   "lock NAME -- COMMAND [ARGUMENT...]",
		Short: "Run a command only while this process holds a lock",
		Long: `Run a command only while this process holds a lock, a ManualLock.

Where there is no such lock it is made, if the kubeconfig or the pod's account may. The command gets ZEN_LEAD_TOKEN, a fencing
token. When it exits, what it left running is killed, the lock is released, and zen-lead exits
with its exit code. Where the lock is lost, the command gets SIGTERM, then SIGKILL, with everything that it started, before another may hold the
lock. SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 and SIGWINCH are passed on to it.

Exit codes of its own: 3 there is no such lock, 4 somebody else has it, 5 it was lost, 125 something else went wrong, 126 the command is not
executable, 127 there is no such command.`,
		Example: `  zen-lead lock nightly-report -- ./report.sh
  zen-lead lock nightly-report --wait 30s -- ./report.sh
  zen-lead lock nightly-report --wait 0s -- ./report.sh         # does not wait`,
		Args: func(c *cobra.Command, args []string) error {
			if c.ArgsLenAtDash() != 1 || len(args) < 2 {
				return &ExitError{agent.CodeFailed, errors.New("want one NAME, then -- and the command: zen-lead lock nightly-report -- ./report.sh")}
			}
			return nil
		},
		RunE: l.run,
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &ExitError{agent.CodeFailed, err} })
	f := c.Flags()
	f.DurationVar(&l.wait, "wait", 0,
		"how long to wait for the lock; 0s is not at all, and without it, as long as it takes. Set it where late work is worse than none")
	f.Lookup("wait").DefValue = "" // waiting is without an end unless it is set
	f.StringVarP(&l.namespace, "namespace", "n", "",
		"the namespace of the lock; POD_NAMESPACE, the kubeconfig's, the pod's or \"default\" without it. Set it where the lock is in another namespace")
	f.StringVar(&l.server, "server", defaultServer, "the API, as host:port. Set it outside of the cluster, or where zen-lead is installed in another namespace")
	f.StringVar(&l.tokenFile, "token-file", "",
		"the file of the token; /var/run/secrets/zen-lead/token without it, if that is there. Set it outside of a pod")
	f.StringVar(&l.caFile, "ca-file", "",
		"the file of the API's certificate authority; /var/run/secrets/zen-lead/ca.crt without it, if that is there. Set it outside of a pod")
	return c
}

func (l *lock) run(c *cobra.Command, args []string) error {
	logToStderr(c)
	wait, err := l.patience(c)
	if err != nil {
		return &ExitError{agent.CodeFailed, err}
	}
	if l.namespace == "" {
		if l.namespace, err = ownNamespace(); err != nil {
			return &ExitError{agent.CodeFailed, err}
		}
	}
	asks, err := l.connect()
	if err != nil {
		return &ExitError{agent.CodeFailed, err}
	}
	defer func() { _ = asks.Close() }() // what could be done with it is done
	ctx, pass, end := signals(c.Context())
	defer end()
	locked := agent.Locked{Name: args[0], Command: args[1:], Lock: asks.Lock(args[0]), Wait: wait, Make: l.maker(args[0])}
	code, err := locked.Execute(ctx, pass)
	if code == agent.CodeNoLock {
		err = fmt.Errorf("%w; apply this:\n\n%s", err, l.manifest(args[0]))
	}
	if code != 0 || err != nil {
		return &ExitError{code, err}
	}
	return nil
}

// ownNamespace is that of the pod, or the kubeconfig. Where there is neither it is the API's default.
func ownNamespace() (string, error) {
	namespace, err := kube.Namespace()
	if clientcmd.IsEmptyConfig(errors.Unwrap(err)) {
		return metav1.NamespaceDefault, nil
	}
	return namespace, err
}

// patience is how long to wait: less than nothing is as long as it takes.
func (l *lock) patience(c *cobra.Command) (time.Duration, error) {
	switch {
	case !c.Flags().Changed("wait"):
		return -1, nil
	case l.wait < 0:
		return 0, errors.New("--wait: must not be negative")
	default:
		return l.wait, nil
	}
}

func (l *lock) connect() (*zenlead.Client, error) {
	if strings.HasPrefix(l.server, "https://") || strings.HasPrefix(l.server, "http://") { // who asks by HTTP does not hear who holds a lock
		return nil, fmt.Errorf("--server: %q: want host:port", l.server)
	}
	opts := []zenlead.Option{zenlead.WithNamespace(l.namespace)}
	if l.tokenFile != "" {
		opts = append(opts, zenlead.WithTokenFile(l.tokenFile))
	}
	if l.caFile != "" {
		opts = append(opts, zenlead.WithCAFile(l.caFile))
	}
	return zenlead.New(l.server, opts...)
}

// maker returns what makes the lock, with the rights of the kubeconfig or the pod's account: those of the token that asks for locks say
// nothing to Kubernetes.
func (l *lock) maker(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		config, err := kube.Config()
		if err != nil {
			return err
		}
		scheme := runtime.NewScheme()
		if err := v1alpha1.AddToScheme(scheme); err != nil {
			return err
		}
		cluster, err := client.New(config, client.Options{Scheme: scheme})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, makeWithin)
		defer cancel()
		err = cluster.Create(ctx, &v1alpha1.ManualLock{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: name}})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
}

func (l *lock) manifest(name string) string {
	return fmt.Sprintf("apiVersion: %s\nkind: ManualLock\nmetadata: {name: %s, namespace: %s}", v1alpha1.GroupVersion, name, l.namespace)
}

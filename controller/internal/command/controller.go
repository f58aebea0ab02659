package command

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/kube-zen/zen-lead/controller/internal/server"
)

func newController(version string) *cobra.Command {
	var o server.Options
	var level slog.Level
	format := "text"
	c := &cobra.Command{
		Use:   "controller",
		Short: "Elect the leaders of pools and publish them",
		Long: `Elect the leaders of pools and publish them.

In a cluster it uses its service account, elsewhere KUBECONFIG (or ~/.kube/config). It needs what
"kubectl apply -k controller/config" installs. It stops on SIGTERM and SIGINT, after the moves that are under way.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkAPI(c); err != nil {
				return err
			}
			handler, err := logHandler(c, format, level)
			if err != nil {
				return err
			}
			logger := logr.FromSlogHandler(handler)
			ctrl.SetLogger(logger)
			klog.SetLogger(logger)
			config, err := ctrl.GetConfig()
			if err != nil {
				return fmt.Errorf("no cluster: run it in one, or set KUBECONFIG: %w", err)
			}
			return runController(c.Context(), config, version, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Metrics, "metrics-bind-address", ":8443",
		"where /metrics is served, by TLS, to callers with the right to get it; 0 is nowhere. Set it where the port is taken, as with several controllers on one host")
	f.StringVar(&o.Health, "health-probe-bind-address", ":8081",
		"where /healthz and /readyz are served; 0 is nowhere. Set it where the port is taken")
	f.StringSliceVar(&o.Namespaces, "watch-namespaces", nil,
		"only these namespaces, separated by commas, without looking at nodes; all if it is not given. Set it where the account has rights in some namespaces only")
	f.StringVar(&o.API.Certificates, "api-cert-dir", "",
		"folder of tls.crt and tls.key; with it callers without access to Kubernetes may ask who leads, and take locks. Not given, they may not: a certificate says by which name they know it")
	f.StringVar(&o.API.Secret, "api-cert-secret", "",
		"the Secret, in this process's namespace, that is mounted there and kept filled by this process. Set it where nobody else makes certificates")
	f.StringSliceVar(&o.API.Names, "api-dns-names", nil,
		"the names by which callers know the API, separated by commas, for the certificate in that Secret")
	f.BoolVar(&o.API.Anonymous, "api-anonymous", false,
		"who brings no token is system:anonymous, and may ask what that may. Set it where who leads is no secret in your network")
	f.StringVar(&o.API.HTTP, "api-bind-address", ":8090", "where the API is served by HTTP. Set it where the port is taken")
	f.StringVar(&o.API.GRPC, "grpc-bind-address", ":9090", "where the API is served by gRPC. Set it where the port is taken")
	c.MarkFlagsRequiredTogether("api-cert-secret", "api-dns-names")
	f.TextVar(&level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR. DEBUG says why a pass was repeated; too much for every day")
	f.StringVar(&format, "log-format", format, "text for people, json for log collectors")
	return c
}

// checkAPI refuses flags that would mean nothing.
func checkAPI(c *cobra.Command) error {
	for _, name := range []string{"api-cert-secret", "api-dns-names", "api-anonymous"} {
		if c.Flags().Changed(name) && !c.Flags().Changed("api-cert-dir") {
			return fmt.Errorf("--%s: means nothing without --api-cert-dir", name)
		}
	}
	return nil
}

func logHandler(c *cobra.Command, format string, level slog.Level) (slog.Handler, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.NewTextHandler(c.ErrOrStderr(), o), nil
	case "json":
		return slog.NewJSONHandler(c.ErrOrStderr(), o), nil
	default:
		return nil, fmt.Errorf("--log-format: %q is neither text nor json", format)
	}
}

func runController(ctx context.Context, config *rest.Config, version string, o server.Options) error {
	config.UserAgent = "zen-lead/" + version
	// The API server's priority and fairness limits requests; a limit of our own would delay a move behind status
	// writes.
	config.QPS = -1
	return server.Run(ctx, config, o)
}

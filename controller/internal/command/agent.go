package command

import (
	"log/slog"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/kube-zen/zen-lead/controller/internal/sidecar"
)

func newAgent() *cobra.Command {
	var o sidecar.Options
	c := &cobra.Command{
		Use:   "agent POOL",
		Short: "Take part in a pool for a program beside it, which asks whether it leads",
		Long: `Take part in a pool for a program beside it, which asks whether it leads.

GET /leader answers 200 where this member leads, else 503, with JSON: role, term, holder, guarantee and validForMs, which is how long
a leader may believe the answer, from before it asked. The lead is given up only after that. It stops on SIGTERM and SIGINT.`,
		Example: `  zen-lead agent db
  zen-lead agent --file=/leader/leader.json --hook=/hooks/role db`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			logToStderr(c)
			o.Pool = args[0]
			return sidecar.Run(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Address, "bind-address", "127.0.0.1:4040",
		"where /leader is served, without TLS, to whoever asks; 0 is nowhere. Set it where the port is taken, or to :4040 where the kubelet's probes ask")
	f.StringVar(&o.File, "file", "",
		"a file that is replaced as a whole at each change, and each second while this member leads. Set it where the program, a script for one, reads files rather than HTTP")
	f.StringVar(&o.Hook, "hook", "",
		"a program that is run at each change of role, with ZEN_LEAD_ROLE and ZEN_LEAD_TERM. Set it where the program is to be told rather than to ask")
	return c
}

// logToStderr logs for people and log collectors alike. What client-go has to say of a watch is told, once, by lead.Run.
func logToStderr(c *cobra.Command) {
	slog.SetDefault(slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)))
	klog.SetLogger(logr.Discard())
}

package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrNoConsent is returned by [Run] where the user did not agree that it uses the cluster. Nothing was done there then.
var ErrNoConsent = errors.New("the demo was not allowed to use this cluster")

// askConsent tells what would be done, and where, and reads the answer: the context's name, which nobody types by habit.
func askConsent(in io.Reader, out io.Writer, p pinned, namespace string) error {
	fmt.Fprintf(out, `KUBECONFIG is set: the demo would run on that cluster. Without KUBECONFIG it starts one of its own.

  context  %s
  server   %s

It would
  - install zen-lead, if it is not there: what controller/config holds, in namespace zen-lead-system and cluster-wide;
  - make namespace %s with a Deployment of three pods (image registry.k8s.io/pause:3.10);
  - run the controller on this machine, under the account zen-lead-system/zen-lead;
  - run members of two more pools on this machine, under an account of that namespace, and freeze one;
  - remove all that it made when it ends, also after a failure or Ctrl-C.

Type the name of the context to agree: `, p.context, p.server, namespace)
	answer, err := bufio.NewReader(in).ReadString('\n')
	answer = strings.TrimSpace(answer)
	fmt.Fprintln(out)
	switch {
	case answer == p.context:
		return nil
	case err != nil && answer == "":
		return fmt.Errorf("%w: nothing was answered; where nobody can type, send the context's name to standard input: echo %q | make demo", ErrNoConsent, p.context)
	default:
		return fmt.Errorf("%w: %q is not the name of the context, %q", ErrNoConsent, answer, p.context)
	}
}

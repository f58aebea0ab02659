package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kube-zen/zen-lead/test/bench"
)

const runner = "runner"

//go:embed runner.yaml
var runnerManifest []byte

// The durations that runner.yaml asks for, and what the contract makes of them, counted from the last renewal: by termEnds nothing of
// the old term works, and nothing of the next one before termOver.
const (
	termLasts   = 6 * time.Second
	termRenewed = 4 * time.Second
	termEnds    = termLasts * 95 / 100
	termOver    = termLasts * 105 / 100
)

// agentScenario is one thing that happens to who leads by "zen-lead run".
type agentScenario struct {
	name  string
	short bool
	// happen makes it happen, and returns once another term is worked in, or this one goes on.
	happen func(context.Context, *crew) (agentOutcome, error)
}

// agentOutcome is what came of it.
type agentOutcome struct {
	name     string
	evidence string
	// silence is how long nobody worked.
	silence time.Duration
	// late is how often somebody worked in a term that was another's by then.
	late int
	// before and after are the pods that worked.
	before, after string
	took          time.Duration
}

func agentScenarios() []agentScenario {
	return []agentScenario{
		{name: "agent killed", short: true, happen: killAgent},
		{name: "agent stopped for 1 s", happen: stopAgentBriefly},
		{name: "agent stopped for 5 s", happen: stopAgent(5 * time.Second)},
		{name: "agent stopped for 9 s", happen: stopAgent(9 * time.Second)},
		{name: "program killed", short: true, happen: killProgram},
		{name: "pod deleted", happen: deleteRunner},
		{name: "handed over, SIGTERM ignored", happen: handOverStubborn},
		{name: "node cut off, pod deleted by force", happen: cutRunnerOff},
		{name: "node frozen, pod deleted by force", happen: freezeRunner},
	}
}

// playAgents deploys programs that "zen-lead run" runs, and breaks what they stand on. It is one scenario for the client of the other
// pool, whose leader may be on a node that is broken.
func playAgents(ctx context.Context, w *world, _ corev1.Pod) (string, error) {
	file := filepath.Join(w.dir, "runner.yaml")
	if err := os.WriteFile(file, runnerManifest, 0o644); err != nil {
		return "", err
	}
	if _, err := w.cluster.Kubectl(ctx, "apply", "-f", file); err != nil {
		return "", err
	}
	reading, end := context.WithCancel(ctx)
	defer end()
	w.runners = w.newCrew(runner, w.newDiskLog(reading))
	for _, s := range agentScenarios() {
		if w.short && !s.short {
			continue
		}
		if err := w.runners.settled(ctx); err != nil {
			return "", fmt.Errorf("before %s: %w", s.name, err)
		}
		began := time.Now()
		o, err := s.happen(ctx, w.runners)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.name, err)
		}
		o.name, o.took = s.name, time.Since(began)
		w.say("  %s: %s, %.1f s", o.name, o.evidence, o.took.Seconds())
		w.agents = append(w.agents, o)
	}
	return fmt.Sprintf("%d faults, %d moments of work", len(w.agents), len(w.runners.works.all())), w.runners.check()
}

// settled waits until all pods are ready and one works. One whose container was ended twice is started again after a pause.
func (c *crew) settled(ctx context.Context) error {
	return c.await(ctx, soon, "a quiet crew", func(ctx context.Context) error {
		found, err := c.pods(ctx, namespace, "app", c.app)
		if err != nil {
			return err
		}
		c.works.follow(found)
		ready := 0
		for _, pod := range found {
			if pod.DeletionTimestamp == nil && isReady(pod) {
				ready++
			}
		}
		if ready != members || len(found) != members {
			return fmt.Errorf("%w: %d of %d pods are ready", errNotYet, ready, len(found))
		}
		now, err := c.works.latest()
		if err == nil && (time.Since(now.At) > time.Second || !c.works.hasEscaped(now.Term)) {
			err = fmt.Errorf("%w: %s worked %s ago", errNotYet, now.Pod, time.Since(now.At))
		}
		return err
	})
}

// outcome waits for the work of the next term, and checks all that was heard.
func (c *crew) outcome(ctx context.Context, was Work) (agentOutcome, error) {
	is, _, err := c.another(ctx, was)
	return agentOutcome{before: was.Pod, after: is.Pod, silence: c.works.silence(was.Term, is.Term)}, err
}

// printAgents prints a line for each thing that happened.
func printAgents(out io.Writer, outcomes []agentOutcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	rows := [][]string{{"what happened", "nobody worked for", "late writes", "works then", "seconds"}}
	for _, o := range outcomes {
		then := "another"
		if o.before == o.after {
			then = "the same"
		}
		silence := "–"
		if o.silence > 0 {
			silence = milliseconds(o.silence)
		}
		rows = append(rows, []string{o.name, silence, strconv.Itoa(o.late), then, fmt.Sprintf("%.0f", o.took.Seconds())})
	}
	title := fmt.Sprintf("What a program of \"zen-lead run\" said that says every 20 ms that it works (terms of %v, renewed for %v)", termLasts, termRenewed)
	if err := bench.Table(out, title, rows); err != nil {
		return err
	}
	for _, o := range outcomes {
		fmt.Fprintf(out, "  %s: %s\n", o.name, o.evidence)
	}
	_, err := fmt.Fprintln(out)
	return err
}

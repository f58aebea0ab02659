package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/test/history"
	"github.com/kube-zen/zen-lead/test/zenlead"
)

// Options of a run.
type Options struct {
	Out io.Writer
	// Short plays the scenarios that take seconds, without building an earlier version.
	Short bool
	// Only are the names of the scenarios that are played; they must not need what others do. Nil is all.
	Only *regexp.Regexp
}

// plays says whether a scenario is played.
func (o Options) plays(s scenario) bool {
	return (!o.Short || s.short) && (o.Only == nil || o.Only.MatchString(s.name))
}

// Run plays the scenarios and prints a table of what the client saw. An error says what went wrong; the table is printed up to there.
func Run(ctx context.Context, options Options) error {
	before, err := Look()
	if err != nil {
		return err
	}
	err = run(ctx, options)
	after, lookErr := Look()
	if left := after.Since(before); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("left behind: %q", left))
	} else if lookErr == nil {
		fmt.Fprintf(options.Out, "nothing left behind: %d processes, mounts, links, routes and control groups as before\n", len(before))
	}
	return errors.Join(err, lookErr)
}

func run(ctx context.Context, options Options) (err error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	w := &world{out: options.Out, short: options.Short}
	if w.root, err = zenlead.Root(); err != nil {
		return err
	}
	if w.dir, err = os.MkdirTemp("", "zen-lead-e2e-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.build(ctx, options.plays(scenarios()[0])); err != nil {
		return err
	}
	outcomes, failed := w.playAll(ctx, options)
	return errors.Join(failed, w.report(ctx, outcomes))
}

// playAll stops at the first scenario that goes wrong: the next would begin on its ruins.
func (w *world) playAll(ctx context.Context, options Options) ([]outcome, error) {
	var outcomes []outcome
	for _, s := range scenarios() {
		if !options.plays(s) {
			continue
		}
		w.say("%s ...", s.name)
		began := time.Now()
		o, err := w.play(ctx, s)
		if err != nil {
			return outcomes, fmt.Errorf("%s: %w", s.name, err)
		}
		w.say("%s: %s, %.1f s", s.name, o.evidence, time.Since(began).Seconds())
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// report judges all outcomes by the client's log and the history, and the history by the contract.
func (w *world) report(ctx context.Context, outcomes []outcome) error {
	answers, logErr := w.asked.all()
	events, recordErr := w.record.Stop(ctx)
	reigns := Reigns(events, namespace, pool)
	var wrong []string
	for i := range outcomes {
		o := &outcomes[i]
		o.verdict = Judge(answers, reigns, o.from, o.to)
		o.terms = termsBetween(reigns, o.from, o.to)
		wrong = append(wrong, o.verdict.Wrong...)
		wrong = append(wrong, o.beyondBounds()...)
	}
	err := errors.Join(printTable(w.out, outcomes), printAgents(w.out, w.agents), printCrashes(w.out, w.crashes))
	report := history.Check(events)
	fmt.Fprintf(w.out, "%d questions in all, %d writes recorded, %d violations of the contract\n", len(answers), len(events), len(report.Violations))
	if len(wrong) > 0 {
		err = errors.Join(err, fmt.Errorf("%d things are wrong, the first: %s", len(wrong), wrong[0]))
	}
	return errors.Join(err, logErr, recordErr, report.Err())
}

func termsBetween(reigns []Reign, from, to time.Time) int {
	terms := 0
	for _, r := range reigns {
		if r.From.After(from) && r.From.Before(to) {
			terms++
		}
	}
	return terms
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

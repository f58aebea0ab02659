package mutants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ErrNotAllCaught says that a mutant survived, or could not be tried.
var ErrNotAllCaught = errors.New("not every mutant was caught")

// Options say which mutants are tried and who is told.
type Options struct {
	// Root is the repository's folder, Dir that of the patches.
	Root, Dir string
	// Only picks some mutants, as Read does; "" takes all.
	Only string
	// Out gets the table, Progress a line for each step.
	Out, Progress io.Writer
}

// result is what became of one mutant: it was caught, it survived where err is nil, or it could not be tried.
type result struct {
	mutant Mutant
	caught bool
	err    error
	took   time.Duration
}

// Run runs every test that must catch a mutant, first on the product as it is, where it must pass, and then on its
// mutant, where it must fail. It returns ErrNotAllCaught unless it is so.
func Run(ctx context.Context, o Options) error {
	all, err := Read(o.Dir, o.Only)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // throw-away data
	if err := o.baseline(ctx, all, tmp); err != nil {
		return err
	}
	var results []result
	for _, m := range all {
		began := time.Now()
		caught, err := o.try(ctx, m, filepath.Join(tmp, m.Name))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r := result{mutant: m, caught: caught, err: err, took: time.Since(began)}
		results = append(results, r)
		fmt.Fprintf(o.Progress, "%s: %s after %s s\n", m.Name, r.outcome(), seconds(r.took))
	}
	return report(o.Out, results)
}

// baseline finds out whether the tests pass on the product as it is. A test that fails anyhow catches nothing.
func (o Options) baseline(ctx context.Context, all []Mutant, tmp string) error {
	var packages []string
	tests := map[string][]Catcher{}
	for _, m := range all {
		c := m.Catcher
		if tests[c.Package] == nil {
			packages = append(packages, c.Package)
		}
		if !slices.Contains(tests[c.Package], c) {
			tests[c.Package] = append(tests[c.Package], c)
		}
	}
	b := build{root: o.Root}
	for _, pkg := range packages {
		began := time.Now()
		program, err := b.compile(ctx, pkg, tmp)
		if err != nil {
			return fmt.Errorf("without mutant: %s: %w", pkg, err)
		}
		var errs []error
		for _, c := range tests[pkg] {
			switch v, err := b.run(ctx, program, c); {
			case err != nil:
				errs = append(errs, fmt.Errorf("without mutant: %s: %w", pkg, err))
			case v != passed:
				errs = append(errs, fmt.Errorf("without mutant: %s fails", c))
			}
		}
		if len(errs) > 0 {
			return errors.Join(errs...)
		}
		fmt.Fprintf(o.Progress, "without mutant: %s: %d tests passed after %s s\n", pkg, len(tests[pkg]), seconds(time.Since(began)))
	}
	return nil
}

// try says whether the mutant is caught.
func (o Options) try(ctx context.Context, m Mutant, dir string) (bool, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return false, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // throw-away data, and a test program is large
	overlay, err := m.overlay(ctx, o.Root, dir)
	if err != nil {
		return false, err
	}
	b := build{root: o.Root, overlay: overlay}
	program, err := b.compile(ctx, m.Catcher.Package, dir)
	if err != nil {
		return false, err
	}
	v, err := b.run(ctx, program, m.Catcher)
	return v == failed, err
}

package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options say what DryRun does.
type Options struct {
	Source Source
	Chart  Chart
	// Out is told of each step.
	Out io.Writer
}

// DryRun makes, pushes, pulls and compares. It stops at the first step that fails.
func DryRun(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "zen-lead-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	address, stop, err := startRegistry()
	if err != nil {
		return fmt.Errorf("start a registry: %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()

	d := &dryRun{Options: o, dir: dir, registry: address}
	fmt.Fprintf(o.Out, "%s, commit %s of %s\n", o.Source.Version, o.Source.Revision, o.Source.Created.Format(time.RFC3339))
	for _, s := range d.steps() {
		start := time.Now()
		told, err := s.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(o.Out, "%-19s %6.1f s  %s\n", s.name, time.Since(start).Seconds(), told)
	}
	return nil
}

// step is a part of a dry run; it returns what people want to know of it.
type step struct {
	name string
	run  func(context.Context) (string, error)
}

// dryRun is what the steps leave for one another.
type dryRun struct {
	Options
	dir      string // for all files
	registry string // host:port
	index    v1.ImageIndex
	digest   v1.Hash
	archive  string // of the chart
	modules  modules
}

func (d *dryRun) steps() []step {
	return []step{
		{"image", d.build},
		{"image, again", d.buildAgain},
		{"push the image", d.pushImage},
		{"pull the image", d.pullImage},
		{"lint the chart", d.lintChart},
		{"the chart's image", d.namesImage},
		{"pack the chart", d.packChart},
		{"push the chart", d.pushChart},
		{"pull the chart", d.pullChart},
		{"the Go modules", d.goModules},
		{"the guide's program", d.program},
	}
}

func (d *dryRun) build(ctx context.Context) (string, error) {
	dir, err := d.folder("first")
	if err != nil {
		return "", err
	}
	if d.index, err = d.Source.index(ctx, dir); err != nil {
		return "", err
	}
	if d.digest, err = d.index.Digest(); err != nil {
		return "", err
	}
	told, err := sizes(d.index)
	return d.digest.String() + told, err
}

// buildAgain works on another copy of the sources, in another folder. It shares what is compiled with the first: what is compared is the
// linking, and all that depends on the folder.
func (d *dryRun) buildAgain(ctx context.Context) (string, error) {
	dir, err := d.folder("second/deeper")
	if err != nil {
		return "", err
	}
	again, err := d.Source.index(ctx, dir)
	if err != nil {
		return "", err
	}
	digest, err := again.Digest()
	if err != nil {
		return "", err
	}
	if digest != d.digest {
		return "", fmt.Errorf("the same sources in another folder give %s, and gave %s", digest, d.digest)
	}
	return "the same digest in another folder", nil
}

func (d *dryRun) pushImage(ctx context.Context) (string, error) {
	return d.imageName(), push(ctx, d.imageName(), d.index)
}

func (d *dryRun) pullImage(ctx context.Context) (string, error) {
	pulled, err := pull(ctx, d.imageName(), d.digest)
	if err != nil {
		return "", err
	}
	version, err := versionOf(ctx, pulled, d.dir)
	if err != nil {
		return "", err
	}
	if version != d.Source.Version {
		return "", fmt.Errorf("the binary in it calls itself %q, not %q", version, d.Source.Version)
	}
	return "the same digest; its binary runs and says " + version, nil
}

func (d *dryRun) lintChart(ctx context.Context) (string, error) {
	return "by ah", d.Chart.lint(ctx)
}

// namesImage fails if the chart of a tagged commit would have another image pulled than the one that goes with it.
func (d *dryRun) namesImage(context.Context) (string, error) {
	about, err := d.Chart.about()
	if err != nil {
		return "", err
	}
	if d.Source.tagged() && about.AppVersion != d.Source.Tag() {
		return "", fmt.Errorf("appVersion is %s, the image is %s", about.AppVersion, d.Source.Tag())
	}
	return about.AppVersion, nil
}

func (d *dryRun) packChart(ctx context.Context) (string, error) {
	dir, err := d.folder("chart")
	if err != nil {
		return "", err
	}
	if d.archive, err = d.Chart.pack(ctx, dir); err != nil {
		return "", err
	}
	content, err := os.ReadFile(d.archive)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s  %.1f kB", filepath.Base(d.archive), fingerprint(content), float64(len(content))/1e3), nil
}

func (d *dryRun) pushChart(ctx context.Context) (string, error) {
	return d.chartRepository(), d.Chart.push(ctx, d.archive, d.chartRepository())
}

func (d *dryRun) pullChart(ctx context.Context) (string, error) {
	return "the same bytes", d.Chart.pull(ctx, d.archive, d.chartRepository())
}

func (d *dryRun) imageName() string       { return d.registry + "/zen-lead:" + d.Source.Tag() }
func (d *dryRun) chartRepository() string { return "oci://" + d.registry + "/charts" }

func (d *dryRun) folder(name string) (string, error) {
	dir := filepath.Join(d.dir, name)
	return dir, os.MkdirAll(dir, 0o700)
}

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kube-zen/zen-lead/test/cluster"
	"github.com/kube-zen/zen-lead/test/image"
)

const (
	zenLeadImage = "localhost/zen-lead"
	appImage     = "localhost/e2eapp:dev"
	runnerImage  = "localhost/runner:dev"
	kubectlImage = "localhost/kubectl:dev"

	currentTag  = "dev"
	previousTag = "previous"
)

// previousRelease is what is upgraded from: the last tag, once there is one.
const previousRelease = "2e91264"

// buildImages writes archives of all images that pods here name.
func (w *world) buildImages(ctx context.Context, upgrade bool) ([]string, error) {
	w.say("building images")
	w.current = version{chart: filepath.Join(w.root, "charts", "zen-lead"), tag: currentTag}
	programs := map[string]image.Program{
		zenLeadImage + ":" + currentTag: {Dir: w.root, Package: "./controller/cmd/zen-lead", Version: currentTag},
		appImage:                        {Dir: w.root, Package: "./test/cmd/e2eapp"},
		runnerImage:                     {Dir: w.root, Package: "./controller/cmd/zen-lead", Beside: []string{"./test/cmd/e2eapp"}},
	}
	if !w.short {
		programs[memberImage] = image.Program{Dir: w.root, Package: "./test/cmd/member"}
	}
	ours, err := w.guidePrograms()
	if err != nil {
		return nil, err
	}
	maps.Copy(programs, ours)
	if upgrade {
		source, err := w.checkOut(ctx, previousRelease)
		if err != nil {
			return nil, err
		}
		w.previous = version{chart: filepath.Join(source, "charts", "zen-lead"), tag: previousTag}
		programs[zenLeadImage+":"+previousTag] = image.Program{Dir: source, Package: "./controller/cmd/zen-lead", Version: previousTag}
	}
	archive := filepath.Join(w.dir, "programs.tar")
	if err := image.WritePrograms(ctx, archive, programs); err != nil {
		return nil, err
	}
	kubectl, err := w.packKubectl(ctx)
	return []string{archive, kubectl}, err
}

// packKubectl makes the image that the chart's test runs.
func (w *world) packKubectl(ctx context.Context) (string, error) {
	binary, err := cluster.BuildKubectl(ctx, w.out)
	if err != nil {
		return "", err
	}
	built, err := image.Build(image.Spec{Binary: binary, Path: "/kubectl"})
	if err != nil {
		return "", err
	}
	archive := filepath.Join(w.dir, "kubectl.tar")
	return archive, image.WriteArchive(archive, map[string]v1.Image{kubectlImage: built})
}

// checkOut writes the sources of a commit of this repository to a directory. The repository must have its history: a shallow clone has none.
func (w *world) checkOut(ctx context.Context, revision string) (string, error) {
	source := filepath.Join(w.dir, "previous")
	if err := os.MkdirAll(source, 0o755); err != nil {
		return "", err
	}
	archive := source + ".tar"
	for _, command := range []*exec.Cmd{
		exec.CommandContext(ctx, "git", "-C", w.root, "archive", "--output", archive, revision),
		exec.CommandContext(ctx, "tar", "-C", source, "-xf", archive),
	} {
		if said, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("sources of %s: %w: %s", revision, err, said)
		}
	}
	return source, nil
}

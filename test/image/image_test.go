package image

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// Everything that a file system knows of the binary besides its bytes differs, and it is another day: the bubble's clock moves.
func TestTheSameBinaryGivesTheSameDigest(t *testing.T) {
	first, second := program(t, runtime.GOARCH, "zen-lead"), program(t, runtime.GOARCH, "another-name")
	if err := os.Chmod(second, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 7, time.Local)
	if err := os.Chtimes(second, old, old); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		spec := Spec{Binary: first, Path: "/zen-lead", Labels: map[string]string{"b": "2", "a": "1", "c": "3"}}
		a := digest(t, build(t, spec))
		time.Sleep(36 * time.Hour) //nolint:forbidigo // moves the bubble's clock
		defer syscall.Umask(syscall.Umask(0o077))
		spec.Binary = second
		if b := digest(t, build(t, spec)); a != b {
			t.Errorf("digests differ: %s and %s", a, b)
		}
	})
}

func TestAnotherBinaryGivesAnotherDigest(t *testing.T) {
	binary := program(t, runtime.GOARCH, "zen-lead")
	first := build(t, Spec{Binary: binary, Path: "/zen-lead"})
	file, err := os.OpenFile(binary, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	if second := build(t, Spec{Binary: binary, Path: "/zen-lead"}); digest(t, first) == digest(t, second) {
		t.Error("one more byte in the binary, and the same digest")
	}
}

func TestAnImageHoldsOneFileThatNobodyMayWrite(t *testing.T) {
	binary := program(t, runtime.GOARCH, "zen-lead")
	layers, err := build(t, Spec{Binary: binary, Path: "/bin/zen-lead"}).Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("%d layers, want 1", len(layers))
	}
	found := entries(t, layers[0])
	if len(found) != 1 {
		t.Fatalf("%d files, want 1", len(found))
	}
	file := found[0]
	if file.Name != "bin/zen-lead" || file.Mode != 0o555 || file.Uid != 0 || file.Gid != 0 || file.Uname != "" || file.Gname != "" {
		t.Errorf("the file is %+v, want bin/zen-lead, mode 0555, uid 0, gid 0, without names", file.Header)
	}
	if !file.ModTime.Equal(time.Unix(0, 0)) {
		t.Errorf("the file is of %s, want 1970", file.ModTime)
	}
	want, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.content, want) {
		t.Errorf("the file has %d bytes, which are not the %d of the binary", len(file.content), len(want))
	}
}

func TestTheConfigStartsTheBinaryAsNonRoot(t *testing.T) {
	labels := map[string]string{"org.opencontainers.image.title": "zen-lead"}
	built := build(t, Spec{Binary: program(t, runtime.GOARCH, "zen-lead"), Path: "/zen-lead", Args: []string{"controller"}, Labels: labels})
	config, err := built.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != runtime.GOARCH || config.OS != "linux" {
		t.Errorf("for %s/%s, want linux/%s", config.OS, config.Architecture, runtime.GOARCH)
	}
	if !config.Created.Equal(time.Unix(0, 0)) {
		t.Errorf("created %s, want 1970", config.Created)
	}
	if config.Config.User != "65532:65532" {
		t.Errorf("user %q, want 65532:65532", config.Config.User)
	}
	if got := config.Config.Entrypoint; !slices.Equal(got, []string{"/zen-lead"}) {
		t.Errorf("entrypoint %q, want /zen-lead", got)
	}
	if got := config.Config.Cmd; !slices.Equal(got, []string{"controller"}) {
		t.Errorf("arguments %q, want controller", got)
	}
	if !maps.Equal(config.Config.Labels, labels) {
		t.Errorf("labels %v, want %v", config.Config.Labels, labels)
	}
}

func TestAnImageIsValidOCI(t *testing.T) {
	labels := map[string]string{"org.opencontainers.image.title": "zen-lead"}
	built := build(t, Spec{Binary: program(t, runtime.GOARCH, "zen-lead"), Path: "/zen-lead", Labels: labels})
	index, err := Index(map[string]v1.Image{runtime.GOARCH: built})
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(stored(t, index)); err != nil {
		t.Error(err)
	}
	manifest, err := built.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	got := []types.MediaType{manifest.MediaType, manifest.Config.MediaType, manifest.Layers[0].MediaType}
	if want := []types.MediaType{types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer}; !slices.Equal(got, want) {
		t.Errorf("media types %q, want %q", got, want)
	}
	if !maps.Equal(manifest.Annotations, labels) {
		t.Errorf("annotations %v, want the labels %v", manifest.Annotations, labels)
	}
}

func TestWhatWouldNotStartIsRefused(t *testing.T) {
	good := program(t, runtime.GOARCH, "zen-lead")
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spec Spec
		want string
	}{
		"the path is relative":                       {Spec{Binary: good, Path: "zen-lead"}, `path "zen-lead"`},
		"the path leaves the image":                  {Spec{Binary: good, Path: "/../zen-lead"}, `path "/../zen-lead"`},
		"the path is no file":                        {Spec{Binary: good, Path: "/"}, `path "/"`},
		"there is no binary":                         {Spec{Binary: good + "x", Path: "/zen-lead"}, "no such file"},
		"the binary is a script":                     {Spec{Binary: script, Path: "/zen-lead"}, "no program for Linux"},
		"the binary needs libraries":                 {Spec{Binary: "/bin/sh", Path: "/sh"}, "linked dynamically"},
		"the binary is for another processor":        {Spec{Binary: good, Path: "/zen-lead", Architecture: other()}, "the image for " + other()},
		"the architecture is one that nobody builds": {Spec{Binary: good, Path: "/zen-lead", Architecture: "s390x"}, `architecture "s390x"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(c.spec)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAnIndexNamesEachPlatform(t *testing.T) {
	images := map[string]v1.Image{}
	for _, architecture := range []string{"arm64", "amd64"} {
		images[architecture] = build(t, Spec{Binary: program(t, architecture, "zen-lead"), Path: "/zen-lead", Architecture: architecture})
	}
	index, err := Index(images)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(stored(t, index)); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range manifest.Manifests {
		got = append(got, m.Platform.String())
		if want := digest(t, images[m.Platform.Architecture]); m.Digest != want {
			t.Errorf("%s is %s, want %s", m.Platform, m.Digest, want)
		}
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(got, want) {
		t.Errorf("platforms %q, want %q", got, want)
	}
	if manifest.MediaType != types.OCIImageIndex {
		t.Errorf("media type %s, want %s", manifest.MediaType, types.OCIImageIndex)
	}
}

func TestAnIndexRefusesAnImageUnderAnotherArchitecture(t *testing.T) {
	built := build(t, Spec{Binary: program(t, runtime.GOARCH, "zen-lead"), Path: "/zen-lead"})
	if _, err := Index(map[string]v1.Image{other(): built}); err == nil {
		t.Errorf("an image for %s was taken as one for %s", runtime.GOARCH, other())
	}
}

func TestAnImageHoldsTheProgramsBesideTheBinary(t *testing.T) {
	binary := program(t, runtime.GOARCH, "zen-lead")
	layers, err := build(t, Spec{Binary: binary, Path: "/zen-lead", Beside: map[string]string{"/bin/work": binary}}).Layers()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int64{}
	for _, file := range entries(t, layers[0]) {
		names[file.Name] = file.Mode
	}
	if want := map[string]int64{"bin/work": 0o555, "zen-lead": 0o555}; !maps.Equal(names, want) {
		t.Errorf("the image has %v, want %v", names, want)
	}
	if _, err := Build(Spec{Binary: binary, Path: "/zen-lead", Beside: map[string]string{"work": binary}}); err == nil {
		t.Error("no error for a relative path beside it")
	}
}

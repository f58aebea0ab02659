package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// These run a script in place of helm: what is tested is what we make of helm, and make release-dry-run runs the real one.
func TestAChartThatComesBackIsCompared(t *testing.T) {
	for name, c := range map[string]struct{ returned, want string }{
		"the same bytes":  {"packed", ""},
		"other bytes":     {"other", "pushed was sha256:"},
		"it is not there": {"", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			chart := Chart{Dir: chartDir(t), Helm: fakeHelm(t, c.returned)}
			archive, err := chart.pack(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(archive) != "zen-lead-1.2.3.tgz" {
				t.Errorf("archive %s, want zen-lead-1.2.3.tgz", archive)
			}
			err = chart.pull(t.Context(), archive, "oci://127.0.0.1:1/charts")
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAReleasedChartNamesTheReleasedImage(t *testing.T) {
	for version, good := range map[string]bool{"v0.1.0": true, "v0.2.0": false, "v0.2.0-rc.1": false, "v0.2.0-3-gabcdef0": true, "abcdef0": true, "v0.2.0-dirty": true} {
		d := dryRun{Options: Options{Source: Source{Version: version}, Chart: Chart{Dir: chartDir(t)}}}
		if _, err := d.namesImage(t.Context()); (err == nil) != good {
			t.Errorf("%s with appVersion 0.1.0: %v", version, err)
		}
	}
}

func TestWhatHelmComplainsAboutIsTold(t *testing.T) {
	chart := Chart{Dir: chartDir(t), Helm: script(t, "echo no such chart >&2; exit 1")}
	if _, err := chart.pack(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such chart") {
		t.Errorf("error %v, want helm's own words", err)
	}
}

func chartDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "Chart.yaml", "apiVersion: v2\nname: zen-lead\nversion: 1.2.3\nappVersion: 0.1.0\n")
	return dir
}

// fakeHelm packs the bytes "packed" and pulls what it is told to, or nothing. The folder is the last argument; helm does not make it.
func fakeHelm(t *testing.T, returned string) string {
	t.Helper()
	return script(t, `
for last; do :; done
case $1 in
package) printf packed >"$last/zen-lead-1.2.3.tgz" ;;
pull) if [ -n "`+returned+`" ]; then printf %s "`+returned+`" >"$last/zen-lead-1.2.3.tgz"; fi ;;
esac`)
}

func script(t *testing.T, body string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "helm")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

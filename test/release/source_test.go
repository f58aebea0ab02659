package release

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestASourceIsWhatGitSays(t *testing.T) {
	root := repository(t)
	got, err := Describe(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); got.Version != "v0.1.0" || !got.Created.Equal(want) || len(got.Revision) != 40 {
		t.Errorf("%+v, want v0.1.0 of %s and 40 digits", got, want)
	}
	if got.Tag() != "0.1.0" {
		t.Errorf("tag %q, want 0.1.0", got.Tag())
	}
	for _, file := range []string{"new", "tracked"} {
		write(t, root, file, "changed")
		if got, err = Describe(t.Context(), root); err != nil || got.Version != "v0.1.0-dirty" {
			t.Errorf("after a change of %s: %q, %v, want v0.1.0-dirty", file, got.Version, err)
		}
		if file == "new" {
			if err := os.Remove(filepath.Join(root, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestACopyHasWhatGitKnowsOrWouldAdd(t *testing.T) {
	root := repository(t)
	write(t, root, "new/file", "new")
	write(t, root, "ignored", "ignored")
	if err := os.Remove(filepath.Join(root, "deleted")); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if _, err := (Source{Root: root}).copyTo(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(to, path)
		got = append(got, relative)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if want := []string{".gitignore", "go.work", "new/file", "tracked"}; !slices.Equal(got, want) {
		t.Errorf("the copy has %q, want %q", got, want)
	}
	work, err := os.ReadFile(filepath.Join(to, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(work), "./core") || strings.Contains(string(work), "./test") {
		t.Errorf("the copy's workspace is %s, want it with ./core and without ./test", work)
	}
}

// The sources do not compile, which is known after the registry and the folder are there.
func TestNothingIsLeftAfterAFailure(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	if err := DryRun(t.Context(), Options{Source: Source{Root: t.TempDir()}, Out: io.Discard}); err == nil {
		t.Fatal("no error for a folder without sources")
	}
	left, err := os.ReadDir(temporary)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// repository has one commit, of 2026-01-02 03:04:05 UTC, with the tags v0.1.0 and core/v0.1.0 and the files .gitignore, go.work, tracked and deleted.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, ".gitignore", "ignored\n")
	write(t, root, "tracked", "tracked")
	write(t, root, "deleted", "deleted")
	write(t, root, "go.work", "go 1.26.0\n\nuse (\n\t./core\n\t./test\n)\n")
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "first"},
		{"tag", "v0.1.0"},
		{"tag", "core/v0.1.0"},
	} {
		c := exec.Command("git", append([]string{"-C", root}, args...)...)
		c.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z", "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c, err, out)
		}
	}
	return root
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

package release

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Source is a state of the repository, to be released.
type Source struct {
	// Root is the folder of the checkout.
	Root string
	// Version is what the binary calls itself: a tag of git, or a commit counted from one.
	Version string
	// Revision is the commit, as 40 hex digits.
	Revision string
	// Created is when the commit was made, and the image's time of creation.
	Created time.Time
}

// Tag is the image's: without the v that Go wants in git's, as the chart's appVersion has none either.
func (s Source) Tag() string { return strings.TrimPrefix(s.Version, "v") }

// releaseTag is what the tag of a release looks like.
var releaseTag = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)\.\d+)?$`)

// tagged: the commit is a release, and not one counted from it.
func (s Source) tagged() bool { return releaseTag.MatchString(s.Version) }

// Describe asks git what the checkout in root is. A version that ends with -dirty has changes or files that are not committed, and is
// nothing to publish. Tags of single modules, like core/v0.1.0, are no versions of the whole.
func Describe(ctx context.Context, root string) (Source, error) {
	version, err := git(ctx, root, "describe", "--tags", "--match=v[0-9]*", "--always")
	if err != nil {
		return Source{}, err
	}
	// git describe --dirty knows nothing of new files, which are compiled all the same.
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return Source{}, err
	}
	if changes != "" {
		version += "-dirty"
	}
	commit, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return Source{}, err
	}
	revision, stamp, _ := strings.Cut(commit, " ")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return Source{}, fmt.Errorf("time of commit %s: %w", revision, err)
	}
	return Source{Root: root, Version: version, Revision: revision, Created: time.Unix(seconds, 0).UTC()}, nil
}

// copyTo copies the files that git knows or would add into dir, and returns the same source there.
//
// The copy's workspace is without the module test: in a workspace the highest requirement counts for all, and what the tests need
// must not choose what the product is linked with.
func (s Source) copyTo(ctx context.Context, dir string) (Source, error) {
	list, err := git(ctx, s.Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return Source{}, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		if err := copyFile(filepath.Join(s.Root, name), filepath.Join(dir, name)); err != nil {
			return Source{}, fmt.Errorf("copy the sources: %w", err)
		}
	}
	drop := exec.CommandContext(ctx, "go", "work", "edit", "-dropuse=./test", "go.work")
	drop.Dir = dir
	if _, err := said(drop); err != nil {
		return Source{}, err
	}
	s.Root = dir
	return s, nil
}

// copyFile skips what git knows and somebody deleted.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	out, err := said(exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...))
	return strings.TrimSpace(out), err
}

// said runs the command and returns what it printed; an error has what it complained about.
func said(c *exec.Cmd) (string, error) {
	var complaint strings.Builder
	if c.Stderr == nil {
		c.Stderr = &complaint
	}
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s%s", c, err, complaint.String(), out)
	}
	return string(out), nil
}

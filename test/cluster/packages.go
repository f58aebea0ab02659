package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// foreign are the programs of others that a real node runs.
type foreign struct {
	containerd, ctr, runc, nft string
	// cni is the directory of the CNI plugins.
	cni string
}

// programDirs are searched whatever PATH says: root's often lacks the second half.
var programDirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// cniDirs are where Debian and everybody else put CNI plugins.
var cniDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

// findForeign finds the programs, and installs the Debian packages of those that are missing.
func findForeign(ctx context.Context, report reporter) (foreign, error) {
	found, missing := lookForeign()
	if len(missing) == 0 {
		return found, nil
	}
	if err := installPackages(ctx, missing, report); err != nil {
		return foreign{}, fmt.Errorf("real nodes need the Debian packages %s: %w", strings.Join(missing, ", "), err)
	}
	found, missing = lookForeign()
	if len(missing) > 0 {
		return foreign{}, fmt.Errorf("the Debian packages %s are installed, but their programs are not where they belong", strings.Join(missing, ", "))
	}
	return found, nil
}

func lookForeign() (found foreign, missingPackages []string) {
	for _, wanted := range []struct {
		program, pkg string
		path         *string
	}{
		{"containerd", "containerd", &found.containerd},
		{"ctr", "containerd", &found.ctr},
		{"runc", "runc", &found.runc},
		{"nft", "nftables", &found.nft},
	} {
		*wanted.path = findIn(programDirs, wanted.program)
		if *wanted.path == "" {
			missingPackages = append(missingPackages, wanted.pkg)
		}
	}
	found.cni = filepath.Dir(findIn(cniDirs, "bridge"))
	if found.cni == "." {
		missingPackages = append(missingPackages, "containernetworking-plugins")
	}
	slices.Sort(missingPackages)
	return found, slices.Compact(missingPackages)
}

// Program returns the path of a program, and installs the Debian package that has it where it is missing. Progress is told of
// that; nil: nobody is.
func Program(ctx context.Context, name, pkg string, progress io.Writer) (string, error) {
	if path := findIn(programDirs, name); path != "" {
		return path, nil
	}
	if err := installPackages(ctx, []string{pkg}, newReporter(progress)); err != nil {
		return "", fmt.Errorf("the Debian package %s: %w", pkg, err)
	}
	path := findIn(programDirs, name)
	if path == "" {
		return "", fmt.Errorf("the Debian package %s is installed, but %s is not where it belongs", pkg, name)
	}
	return path, nil
}

// findIn returns the path of the program, or nothing.
func findIn(dirs []string, program string) string {
	for _, dir := range dirs {
		if path := filepath.Join(dir, program); exists(path) {
			return path
		}
	}
	return ""
}

// installPackages never removes a package to make room: containerd of another vendor stays, and the error says so.
func installPackages(ctx context.Context, names []string, report reporter) error {
	apt := findIn(programDirs, "apt-get")
	if apt == "" {
		return errors.New("no apt-get here; install them by hand")
	}
	report.say("installing the Debian packages %s", strings.Join(names, ", "))
	install := append([]string{"install", "--yes", "--no-install-recommends", "--no-remove"}, names...)
	if run(ctx, apt, install...) == nil {
		return nil
	}
	// The lists of packages may be missing or old.
	if err := run(ctx, apt, "update"); err != nil {
		return err
	}
	return run(ctx, apt, install...)
}

func run(ctx context.Context, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), args[0], err, lastLines(output, 10))
	}
	return nil
}

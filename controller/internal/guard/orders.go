package guard

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// order is what the parent tells the guard. What is not set is not meant.
type order struct {
	Begin *Command       `json:",omitempty"`
	Until *Deadlines     `json:",omitempty"`
	Pass  syscall.Signal `json:",omitempty"`
	Stop  syscall.Signal `json:",omitempty"`
	Kill  bool           `json:",omitempty"`
}

// Command is what runs within a term.
type Command struct {
	// Path is that of the program; Args are its arguments, its name among them.
	Path string
	Args []string
	// Env is its whole environment.
	Env []string
}

// Environment is this process's, with other values for some names: a name that came twice would be read by some programs as the
// first, and by others as the last.
func Environment(values map[string]string) []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		_, ours := values[name]
		return ours
	})
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

// report is what the guard tells the parent, once: everything has ended.
type report struct {
	Exit
	// Failed is why the command was not started, "" if it was.
	Failed string `json:",omitempty"`
	Errno  syscall.Errno
	// Resists is why what the command has left goes on though it was killed, "" if nothing does.
	Resists string `json:",omitempty"`
}

// Exit is how a command ended.
type Exit struct {
	// Code is its exit code, or 128 + Signal.
	Code int
	// Signal is the one that ended it, 0 if it exited.
	Signal syscall.Signal
	// Told: it was told to end, or killed; it did not end by itself.
	Told bool
	// Interrupted: it had the terminal, and was ended from there.
	Interrupted bool
}

func exitOf(s syscall.WaitStatus) Exit {
	if s.Signaled() {
		return Exit{Code: 128 + int(s.Signal()), Signal: s.Signal()}
	}
	return Exit{Code: s.ExitStatus()}
}

// The files of a guard beyond the standard ones.
const (
	ordersFD  = 3
	reportsFD = 4
)

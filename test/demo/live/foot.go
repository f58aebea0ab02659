package live

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"
)

// Foot is the lines at the foot of a terminal, and a writer of what stands above them. It is safe for concurrent use.
type Foot struct {
	out     io.Writer
	program *tea.Program
	ended   chan struct{}

	mu     sync.Mutex // one line after the other
	begun  []byte     // of a line that has no end yet
	closed bool
}

// OnTerminal says whether out is a terminal that can have a foot.
func OnTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// Start begins a foot, without lines. The caller closes it.
func Start(out io.Writer, options ...tea.ProgramOption) *Foot {
	f := &Foot{out: out, ended: make(chan struct{})}
	options = append([]tea.ProgramOption{tea.WithInput(nil), tea.WithOutput(out), tea.WithoutSignalHandler()}, options...)
	f.program = tea.NewProgram(model(""), options...)
	go func() {
		defer close(f.ended)
		_, _ = f.program.Run() // the lines come first: what cannot be drawn is left out
	}()
	return f
}

// Show replaces the lines of the foot.
func (f *Foot) Show(lines string) { f.program.Send(shown(lines)) }

// Write writes above the foot, each line once it has its end; after Close, and where the foot could not be drawn, to the
// terminal itself.
func (f *Foot) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = append(f.begun, text...)
	end := bytes.LastIndexByte(f.begun, '\n') + 1
	if end == 0 {
		return len(text), nil
	}
	lines := f.begun[:end]
	f.begun = bytes.Clone(f.begun[end:])
	return len(text), f.write(lines)
}

func (f *Foot) write(lines []byte) error {
	taken, text := make(chan struct{}), strings.TrimSuffix(string(lines), "\n")
	go func() { // a program that has ended takes nothing, and does not say so
		f.program.Println(text)
		close(taken)
	}()
	select {
	case <-taken:
		return nil
	case <-f.ended:
		_, err := f.out.Write(lines)
		return err
	}
}

// Close removes the foot, and writes what is left of a line.
func (f *Foot) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	f.program.Send(shown(""))
	f.program.Quit()
	<-f.ended
	_, _ = f.out.Write(f.begun)
}

// model is the text of the foot.
type model string

// shown is a new text.
type shown string

// Init begins with nothing to do.
func (m model) Init() tea.Cmd { return nil }

// Update takes a new text.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if text, ok := msg.(shown); ok {
		return model(text), nil
	}
	return m, nil
}

// View is the text.
func (m model) View() tea.View { return tea.NewView(string(m)) }

package bench

import (
	"fmt"
	"io"
	"time"
)

// Progress tells people how far a step is, at most every few seconds. It is not safe for concurrent use.
type Progress struct {
	out   io.Writer
	what  string
	total int
	begun time.Time
	told  time.Time
}

const tellEvery = 5 * time.Second

// NewProgress begins a step that is done when Step was called with total.
func NewProgress(out io.Writer, what string, total int) *Progress {
	now := time.Now()
	p := &Progress{out: out, what: what, total: total, begun: now, told: now}
	p.tell(0, now)
	return p
}

// Step tells that done of the total are done.
func (p *Progress) Step(done int) {
	now := time.Now()
	if now.Sub(p.told) < tellEvery && done < p.total {
		return
	}
	p.tell(done, now)
}

func (p *Progress) tell(done int, now time.Time) {
	p.told = now
	// Whoever does not read it does not need it.
	_, _ = fmt.Fprintf(p.out, "%s: %d of %d after %s\n", p.what, done, p.total, now.Sub(p.begun).Round(time.Second))
}

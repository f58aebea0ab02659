package e2e

import (
	"testing"
	"time"
)

func TestLinesOfContainersLogs(t *testing.T) {
	at := time.Date(2026, 11, 28, 11, 26, 31, 799000000, time.UTC)
	for line, want := range map[string]said{
		"2026-11-28T11:26:31.799Z stdout F works 574 1795865250898083046\n": {"a", "works 574 1795865250898083046", at},
		"2026-11-28T11:26:31.799Z stderr F \n":                              {"a", "", at},
		"2026-11-28T11:26:31.799Z stdout\n":                                 {},
		"yesterday stdout F works 574 1\n":                                  {},
	} {
		if got, ok := parseLine("a", line); ok != (want.pod != "") || ok && got != want {
			t.Errorf("%q: %+v, %t", line, got, ok)
		}
	}
}

func TestWhatIsHeardOfAnAgentsProgram(t *testing.T) {
	l := newWorkLog(nil)
	began := time.Now()
	for _, text := range []string{"works 7 1000", "works-too 7 3000", "works 8 4000", "works x", "stays 7 5000", "work-ended 8 6000"} {
		l.line("a", text)
		l.hear(said{"a", text, began.Add(time.Second)})
	}
	if first, last := l.bounds(7); first != time.Unix(0, 1000) || last != time.Unix(0, 3000) {
		t.Errorf("term 7 from %v to %v", first, last)
	}
	if !l.hasEscaped(7) || l.hasEscaped(8) || l.hasEnded(7) || !l.hasEnded(8) {
		t.Error("who escaped, or ended, is mistaken")
	}
	if !l.hasSaid("a", "stays", began) || l.hasSaid("a", "works", began) || l.hasSaid("a", "stays", began.Add(time.Minute)) || l.hasSaid("b", "stays", began) {
		t.Error("what was said is mistaken")
	}
	c := (&world{}).newCrew("a", l)
	l.line("b", "works 7 5000")
	if c.check() == nil {
		t.Error("two pods in one term are not seen")
	}
	c.late[Work{"b", 7, time.Unix(0, 5000)}] = true
	if err := c.check(); err != nil {
		t.Errorf("a late work that is expected: %v", err)
	}
}

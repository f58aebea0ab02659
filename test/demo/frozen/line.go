package frozen

import (
	"fmt"
	"regexp"
)

// line is what the program says: that it leads, has read or written, or was fenced, and for what reason.
type line struct{ what, reason string }

var (
	step   = regexp.MustCompile(`^term \d+: (leads|read|wrote)(?: \d+)?$`)
	fenced = regexp.MustCompile(`^(fenced): (term \d+ after \d+)$`)
)

func parse(text string) (line, error) {
	if m := fenced.FindStringSubmatch(text); m != nil {
		return line{what: m[1], reason: m[2]}, nil
	}
	m := step.FindStringSubmatch(text)
	if m == nil {
		return line{}, fmt.Errorf("the program says %q", text)
	}
	return line{what: m[1]}, nil
}

package frozen

import (
	"fmt"
	"strings"
)

// Outcome is what became of the deposits.
type Outcome struct {
	// Acknowledged is how many were told to have been written.
	Acknowledged int64
	// Balance is what the database has in the end, one for each deposit that was not lost.
	Balance int64
	// Refused tells why, for each write that was.
	Refused []string
}

// Lost is how many deposits were acknowledged and are not in the balance.
func (o Outcome) Lost() int64 { return o.Acknowledged - o.Balance }

func (o Outcome) String() string {
	s := fmt.Sprintf("%d deposits acknowledged, balance %d", o.Acknowledged, o.Balance)
	if o.Lost() != 0 {
		s += fmt.Sprintf(": %d lost", o.Lost())
	}
	if n := len(o.Refused); n > 0 {
		s += fmt.Sprintf(", %d write refused (%s)", n, strings.Join(o.Refused, ", "))
	}
	return s
}

// check says where the outcome is not the one that the fence, or its absence, must have: as each step is asked for, it is certain.
func (o Outcome) check(unfenced bool) error {
	switch {
	case unfenced && o.Lost() != after:
		return fmt.Errorf("%s: without a fence the late write must undo %d deposits", o, after)
	case !unfenced && (o.Lost() != 0 || len(o.Refused) != 1):
		return fmt.Errorf("%s: with a fence the late write must be refused, and nothing be lost", o)
	}
	return nil
}

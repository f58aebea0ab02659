// Package faults says in which form the suites of the folders below it run: the short one, as in make test, or the long one, as in
// make faults.
package faults

import (
	"os"

	"github.com/onsi/ginkgo/v2"
)

// Full says that the long form is asked for: ZEN_LEAD_FAULTS=full.
var Full = os.Getenv("ZEN_LEAD_FAULTS") == "full"

// Longer picks the value for the form that runs.
func Longer[T any](short, long T) T {
	if Full {
		return long
	}
	return short
}

// OnlyFull leaves entries of a table out of the short form.
func OnlyFull(entries ...ginkgo.TableEntry) []ginkgo.TableEntry {
	return Longer(nil, entries)
}

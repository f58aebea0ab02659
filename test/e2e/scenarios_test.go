package e2e

import (
	"regexp"
	"testing"
)

func TestWhichScenariosArePlayed(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		is      scenario
		want    bool
	}{
		"all":                       {Options{}, scenario{name: "a"}, true},
		"a long one in a short run": {Options{Short: true}, scenario{name: "a"}, false},
		"a short one":               {Options{Short: true}, scenario{name: "a", short: true}, true},
		"one that is asked for":     {Options{Only: regexp.MustCompile("a")}, scenario{name: "a"}, true},
		"one that is not":           {Options{Only: regexp.MustCompile("b")}, scenario{name: "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.options.plays(c.is); got != c.want {
				t.Errorf("played: %t", got)
			}
		})
	}
}

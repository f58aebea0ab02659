package lock

import "testing"

func TestInversions(t *testing.T) {
	for name, c := range map[string]struct {
		all  []turnOf
		want int
	}{
		"in the order of arrival":                             {[]turnOf{{sent: 1, waited: 2, token: 1}, {sent: 3, waited: 4, token: 2}, {sent: 5, waited: 6, token: 3}}, 0},
		"who was sent before the other was told may be first": {[]turnOf{{sent: 1, waited: 4, token: 2}, {sent: 3, waited: 5, token: 1}}, 0},
		"who was sent after the other was told may not":       {[]turnOf{{sent: 1, waited: 2, token: 2}, {sent: 3, waited: 4, token: 1}}, 1},
		"one who waits and is overtaken by two":               {[]turnOf{{sent: 1, waited: 2, token: 9}, {sent: 3, token: 7}, {sent: 4, token: 8}}, 2},
		"who was not told that it waits is overtaken by none": {[]turnOf{{sent: 1, token: 9}, {sent: 3, token: 7}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := inversions(c.all); got != c.want {
				t.Errorf("%d inversions, want %d", got, c.want)
			}
		})
	}
}

package e2e

import (
	"testing"
	"time"
)

func TestCheckWork(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	for name, tc := range map[string]struct {
		works []Work
		want  int
	}{
		"one after the other":                    {[]Work{{"a", 1, at(0)}, {"a", 1, at(20)}, {"b", 2, at(30)}}, 0},
		"the same pod in its next term":          {[]Work{{"a", 1, at(0)}, {"a", 2, at(20)}}, 0},
		"two pods in one term":                   {[]Work{{"a", 1, at(0)}, {"b", 1, at(20)}}, 1},
		"a term that begins before the last end": {[]Work{{"a", 1, at(0)}, {"a", 1, at(40)}, {"b", 2, at(30)}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if wrong := CheckWork(tc.works); len(wrong) != tc.want {
				t.Errorf("CheckWork() = %q, want %d", wrong, tc.want)
			}
		})
	}
}

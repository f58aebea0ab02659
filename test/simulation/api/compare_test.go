package api_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestTheSimulatedServerAnswersAsTheRealOneDoes runs each case against both.
func TestTheSimulatedServerAnswersAsTheRealOneDoes(t *testing.T) {
	for name, c := range cases() {
		t.Run(name, func(t *testing.T) {
			want := said(t, c, realServer)
			got := said(t, c, simulatedServer)
			if !slices.Equal(got, want) {
				t.Errorf("the simulated server says\n\t%s\nthe real one\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
			if len(want) == 0 {
				t.Error("nothing was compared")
			}
			t.Log(strings.Join(want, "\n"))
		})
	}
}

func said(t *testing.T, c func(*server), start func(*testing.T) *server) []string {
	s := start(t)
	c(s)
	return s.said
}

func cases() map[string]func(*server) {
	all := map[string]func(*server){}
	for _, some := range []map[string]func(*server){writes(), policies(), pods(), admission()} {
		maps.Copy(all, some)
	}
	return all
}

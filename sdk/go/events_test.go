package zenlead

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

func TestHowEventsAreRead(t *testing.T) {
	for name, test := range map[string]struct {
		sent string
		want []string
		// ends is what is said of the end.
		ends string
	}{
		"a state and its revision": {
			sent: "event: leader\nid: 7\ndata: {\"pool\":\"web\",\"leader\":null,\"term\":440,\"since\":null,\"ageMs\":0}\n\n",
			want: []string{"7 web 440"},
		},
		"lines that end with CRLF, and no space after the colon": {
			sent: "event:leader\r\nid:7\r\ndata:{\"pool\":\"web\",\"term\":440}\r\n\r\n",
			want: []string{"7 web 440"},
		},
		"data of several lines": {
			sent: "event: leader\nid: 7\ndata: {\"pool\":\ndata: \"web\",\"term\":440}\n\n",
			want: []string{"7 web 440"},
		},
		"comments, and fields and events that a newer server sends": {
			sent: ": hello\n\nretry: 5\nevent: novel\nid: 9\ndata: {}\n\nevent: leader\nid: 7\ndata: {\"pool\":\"web\",\"term\":440,\"novel\":{}}\n\n",
			want: []string{"nothing", "nothing", "7 web 440"},
		},
		"a heartbeat": {
			sent: "event: heartbeat\ndata: {\"ageMs\":312,\"stale\":true}\n\n",
			want: []string{" 312 true"},
		},
		"what the end cuts off is no event": {
			sent: "event: leader\nid: 7\ndata: {\"pool\":\"web\",\"term\":440}\n",
		},
		"an error is the last": {
			sent: "event: error\ndata: {\"error\":{\"reason\":\"UnknownPool\",\"message\":\"gone\"}}\n\n",
			ends: "no such pool: zen-lead answers UnknownPool: gone",
		},
		"an error without a reason": {
			sent: "event: error\ndata: {}\n\n",
			ends: "unavailable: the stream is none of zen-lead's: an error without a reason",
		},
		"a line that never ends": {sent: "data: " + strings.Repeat("x", 2<<20), ends: "unavailable: bufio.Scanner: token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newEventStream(t.Context(), io.NopCloser(strings.NewReader(test.sent)))
			if test.ends == "" {
				test.ends = "unavailable: the stream ended"
			}
			for _, want := range test.want {
				if got, err := s.recv(); err != nil || told(got) != want {
					t.Errorf("got %q, %v; want %q", told(got), err, want)
				}
			}
			if _, err := s.recv(); err == nil || err.Error() != test.ends {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

func TestDataThatIsNoneOfZenLeads(t *testing.T) {
	for _, kind := range []string{"leader", "heartbeat"} {
		s := newEventStream(t.Context(), io.NopCloser(strings.NewReader("event: "+kind+"\ndata: <html>\n\n")))
		if _, err := s.recv(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// told is an event in a word.
func told(r *zenleadv1.WatchLeaderResponse) string {
	switch e := r.GetEvent().(type) {
	case *zenleadv1.WatchLeaderResponse_State:
		return fmt.Sprintf("%s %s %d", r.GetRevision(), e.State.GetPool(), e.State.GetTerm())
	case *zenleadv1.WatchLeaderResponse_Heartbeat:
		return fmt.Sprintf("%s %d %v", r.GetRevision(), e.Heartbeat.GetAgeMs(), e.Heartbeat.GetStale())
	}
	return "nothing"
}

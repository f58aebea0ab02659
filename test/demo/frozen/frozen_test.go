package frozen

import (
	"strings"
	"testing"
)

func TestOutcome(t *testing.T) {
	late := []string{"term 412 after 415"}
	for name, c := range map[string]struct {
		outcome  Outcome
		unfenced bool
		says     string
		wrong    bool
	}{
		"without a fence the late write undoes what the next leader did": {
			outcome: Outcome{Acknowledged: 31, Balance: 11}, unfenced: true, says: "31 deposits acknowledged, balance 11: 20 lost",
		},
		"with a fence it is refused": {
			outcome: Outcome{Acknowledged: 30, Balance: 30, Refused: late}, says: "30 deposits acknowledged, balance 30, 1 write refused (term 412 after 415)",
		},
		"a fence that lets it pass": {
			outcome: Outcome{Acknowledged: 31, Balance: 11}, says: "31 deposits acknowledged, balance 11: 20 lost", wrong: true,
		},
		"a fence that refuses, and the data is wrong all the same": {
			outcome: Outcome{Acknowledged: 30, Balance: 10, Refused: late}, says: "30 deposits acknowledged, balance 10: 20 lost, 1 write refused (term 412 after 415)", wrong: true,
		},
		"a late write that was not there to be refused": {
			outcome: Outcome{Acknowledged: 30, Balance: 30}, says: "30 deposits acknowledged, balance 30", wrong: true,
		},
		"nothing lost without a fence shows nothing": {
			outcome: Outcome{Acknowledged: 31, Balance: 31}, unfenced: true, says: "31 deposits acknowledged, balance 31", wrong: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.outcome.String() != c.says {
				t.Errorf("%q, want %q", c.outcome, c.says)
			}
			if err := c.outcome.check(c.unfenced); (err != nil) != c.wrong {
				t.Errorf("check says %v", err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]line{
		"term 412: leads":            {what: "leads"},
		"term 412: read 0":           {what: "read"},
		"term 412: wrote 18":         {what: "wrote"},
		"fenced: term 412 after 415": {what: "fenced", reason: "term 412 after 415"},
	} {
		if got, err := parse(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := parse("database is locked"); err == nil || !strings.Contains(err.Error(), "database is locked") {
		t.Errorf("another line gives the error %v", err)
	}
}

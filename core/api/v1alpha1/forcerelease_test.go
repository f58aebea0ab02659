package v1alpha1_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func TestAnOrderIsWrittenInOneForm(t *testing.T) {
	for want, f := range map[string]v1alpha1.ForceRelease{
		`{"token":5,"by":"alice","reason":"stuck"}`:                       {Token: 5, By: "alice", Reason: "stuck"},
		`{"token":5,"by":"<a&b>","reason":"its node is gone","now":true}`: {Token: 5, By: "<a&b>", Reason: "its node is gone", Now: true},
		`{"token":5,"by":"CORP\\\"al","reason":"a\nb"}`:                   {Token: 5, By: `CORP\"al`, Reason: "a\nb"},
	} {
		if is := f.String(); is != want {
			t.Errorf("%s, want %s", is, want)
		}
	}
}

func TestWhatIsNoOrder(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       "",
		"no JSON":       "now",
		"two":           `{"token":5,"by":"a","reason":"b"}{}`,
		"no token":      `{"by":"a","reason":"b"}`,
		"no name":       `{"token":5,"reason":"b"}`,
		"no reason":     `{"token":5,"by":"a"}`,
		"a long reason": `{"token":5,"by":"a","reason":"` + strings.Repeat("ü", 257) + `"}`,
	} {
		if f, err := v1alpha1.ParseForceRelease(text); err == nil || !strings.Contains(err.Error(), v1alpha1.ForceReleaseAnnotation) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// FuzzForceRelease: what is written is read as it was, and says who wrote it where the admission policy zen-lead-lock-force looks.
func FuzzForceRelease(f *testing.F) {
	f.Add(int64(5), "alice", "stuck", false)
	f.Add(int64(1<<53-1), `CORP\"al<i>ce`, "a\x00\"b\u2028", true)
	f.Fuzz(func(t *testing.T, token int64, by, reason string, now bool) {
		order := v1alpha1.ForceRelease{Token: token, By: by, Reason: reason, Now: now}
		text := order.String()
		if !utf8.ValidString(by) || !utf8.ValidString(reason) || token < 1 || by == "" || reason == "" || utf8.RuneCountInString(reason) > 256 {
			return // String says what it says
		}
		is, err := v1alpha1.ParseForceRelease(text)
		if err != nil || is != order {
			t.Fatalf("%q: %+v, %v; want %+v", text, is, err, order)
		}
		if strings.ContainsFunc(by, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
			return // refused there
		}
		head, rest, _ := strings.Cut(text, `"by":"`)
		name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(by)
		if strings.Contains(head, "by") || !strings.HasPrefix(rest, name+`","reason":"`) {
			t.Fatalf("%q does not say that it is of %q", text, by)
		}
	})
}

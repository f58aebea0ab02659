package bench

import (
	"strings"
	"testing"
)

func TestResultIsOneFlatLineInOrder(t *testing.T) {
	r := NewResult("failover")
	r.Set("pools", 1000)
	r.Set("c_ms", 2.125)
	r.Set("pools", 999) // a later figure replaces an earlier one, in its place
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), `RESULT {"bench":"failover","pools":999,"c_ms":2.125}`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

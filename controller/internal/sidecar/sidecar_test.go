package sidecar

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
	"github.com/kube-zen/zen-lead/core/lead"
	"github.com/kube-zen/zen-lead/core/term"
)

func policy(mode v1alpha1.Mode, guarantee v1alpha1.Guarantee) *v1alpha1.LeaderPolicy {
	p := &v1alpha1.LeaderPolicy{}
	p.Spec.Mode, p.Status.Guarantee = mode, guarantee
	return p
}

func TestWhatTheProgramIsTold(t *testing.T) {
	me := lead.Leader{Name: "a", UID: "uid-a", Term: 7}
	for name, tc := range map[string]struct {
		seen   lead.Leader
		policy *v1alpha1.LeaderPolicy
		want   Answer
	}{
		"nothing is known":                                     {lead.Leader{}, nil, Answer{Role: follower, Guarantee: "Advisory"}},
		"somebody else leads":                                  {lead.Leader{Name: "b", UID: "uid-b", Term: 7}, policy("participant", "Exclusive"), Answer{Role: follower, Term: 7, Holder: "b", Guarantee: "Exclusive"}},
		"zen-lead elected this member":                         {me, policy("controller", "Advisory"), Answer{Role: leader, Term: 7, Holder: "a", Guarantee: "Advisory"}},
		"zen-lead elected a predecessor of its name":           {lead.Leader{Name: "a", UID: "uid-older", Term: 7}, policy("controller", "Advisory"), Answer{Role: follower, Term: 7, Holder: "a", Guarantee: "Advisory"}},
		"a predecessor in its own pod contended and holds yet": {me, policy("participant", "Exclusive"), Answer{Role: follower, Term: 7, Holder: "a", Guarantee: "Exclusive"}},
		"the mode is not known yet":                            {me, nil, Answer{Role: follower, Term: 7, Holder: "a", Guarantee: "Advisory"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := known{pool: "web", namespace: "n", identity: "a", uid: "uid-a", seen: tc.seen, policy: tc.policy}
			tc.want.Pool, tc.want.Namespace = "web", "n"
			if got, believed := k.answer(); got != tc.want || believed != 0 {
				t.Errorf("told %+v for %v, want %+v", got, believed, tc.want)
			}
		})
	}
}

func TestATermThatIsOverIsNotTold(t *testing.T) {
	k := known{identity: "a", term: &lead.Term{Number: 7, Holder: "a"}, policy: policy("participant", "Exclusive")}
	if got, believed := k.answer(); got.Role != follower || believed != 0 {
		t.Errorf("told %+v for %v", got, believed)
	}
}

func TestLeaderIsAllThatIsServed(t *testing.T) {
	h := newSidecar(Options{Pool: "web"}, "n", term.Holder{Identity: "a"}).handler()
	for path, want := range map[string]int{"GET /leader": 503, "HEAD /leader": 503, "POST /leader": 405, "GET /": 404} {
		method, target, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestAFileIsReplacedAsAWholeAndNothingElseIsLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leader.json")
	if err := replace(path, Answer{Role: leader}); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); !strings.Contains(string(b), `"role":"leader"`) {
		t.Errorf("the file has %q", b)
	}
	if err := os.Rename(path, path+".saved"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "in", "the", "way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replace(path, Answer{Role: follower}); err == nil {
		t.Error("no error")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

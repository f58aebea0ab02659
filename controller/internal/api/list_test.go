package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kube-zen/zen-lead/core/api/v1alpha1"
)

func TestPagesOfPools(t *testing.T) {
	r := newRig(t)
	var want []string
	for i := range 7 {
		for _, n := range []string{"a", "b"} {
			r.feed.Handler().OnAdd(&v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: n, Name: fmt.Sprintf("p%d", i), ResourceVersion: "7"}}, false)
			want = append(want, fmt.Sprintf("%s/p%d", n, i))
		}
	}
	want = append(want, "default/web")
	slices.Sort(want)
	pages := func(query string) (names []string, pages int) {
		for token := ""; ; pages++ {
			_, body := r.call(t, "GET", "/v1/pools?"+query+"&pageToken="+token, "")
			var got struct {
				Pools         []struct{ Namespace, Pool string }
				NextPageToken string
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			for _, p := range got.Pools {
				names = append(names, p.Namespace+"/"+p.Pool)
			}
			if token = got.NextPageToken; token == "" {
				return names, pages + 1
			}
			r.feed.Handler().OnDelete(&v1alpha1.LeaderPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "p0"}}) // of the page before
		}
	}
	if got, n := pages("pageSize=4"); !slices.Equal(got, want) || n != 4 {
		t.Errorf("in %d pages: %q, want %q", n, got, want)
	}
	if got, n := pages("namespace=b&pageSize=4"); len(got) != 7 || n != 2 || got[0] != "b/p0" || got[6] != "b/p6" {
		t.Errorf("of namespace b: %q", got)
	}
	if got, n := pages("namespace=none"); len(got) != 0 || n != 1 {
		t.Errorf("of a namespace without pools: %q", got)
	}
}

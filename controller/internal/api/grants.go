package api

import (
	"crypto/sha256"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// rememberedGrants is how many answers about callers are remembered; when there are more, those that are old are forgotten.
const rememberedGrants = 16384

// question is whether the bearer of a token may do something. No token is kept, only its hash.
type question struct {
	bearer [sha256.Size]byte
	verb   verb
	pool   types.NamespacedName
}

func questionOf(header string, v verb, pool types.NamespacedName) question {
	return question{bearer: sha256.Sum256([]byte(tokenOf(header))), verb: v, pool: pool}
}

// tokenOf is the token in a header, "" where there is none. It reads no more of the header than who authenticates: however many headers
// say the same, they are one caller's.
//
// Source: k8s.io/apiserver/pkg/authentication/request/bearertoken.
func tokenOf(header string) string {
	parts := strings.SplitN(strings.TrimSpace(header), " ", 3)
	if len(parts) < 2 || !strings.EqualFold(parts[0], "bearer") {
		return ""
	}
	return parts[1]
}

// grant is a positive answer.
type grant struct {
	caller *caller
	at     time.Time
	// asking: somebody asks anew.
	asking atomic.Bool
}

// grants are the positive answers that are remembered. Its zero value has none. Looking one up takes no lock: every request does.
type grants struct {
	known sync.Map // *grant by question
	n     atomic.Int64
}

func (g *grants) get(q question) *grant {
	v, _ := g.known.Load(q)
	k, _ := v.(*grant)
	return k
}

func (g *grants) put(q question, k *grant) {
	if _, known := g.known.Swap(q, k); !known && g.n.Add(1) > rememberedGrants {
		g.forget(k.at)
	}
}

func (g *grants) drop(q question) {
	if _, known := g.known.LoadAndDelete(q); known {
		g.n.Add(-1)
	}
}

// forget drops half of what is remembered: what is no longer of use, then what is to be asked anew, then any. Whose grant it was is looked
// at anew.
func (g *grants) forget(now time.Time) {
	for _, older := range []time.Duration{trustedFor, checkedFor, 0} {
		g.known.Range(func(k, v any) bool {
			q, _ := k.(question)
			if known, ok := v.(*grant); ok && now.Sub(known.at) >= older {
				g.drop(q)
			}
			return g.n.Load() > rememberedGrants/2
		})
	}
}

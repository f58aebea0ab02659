package api

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kube-zen/zen-lead/controller/internal/replica"
	"github.com/kube-zen/zen-lead/controller/internal/snapshot"
	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// defaultNamespace is where a pool is looked for if nobody says where.
const defaultNamespace = "default"

// readWithin bounds a read from the API server.
const readWithin = 5 * time.Second

// mostListed is how many pools one page has.
const mostListed = 500

// service answers. Its methods are safe for concurrent use.
type service struct {
	zenleadv1.UnimplementedLeaderServiceServer

	board *snapshot.Board
	// heard returns a moment before which everything is on the board, the zero time while nothing is.
	heard func() time.Time
	// live reads from the API server; asked writes, and reads from memory.
	live  client.Reader
	asked client.Client

	access *access
	locks  *lockService
	now    func() time.Time
	// ending: streams are to end.
	ending atomic.Bool
	// sendWithin is how long a reader may take to make room for one event.
	sendWithin time.Duration
}

// end has all streams end.
func (s *service) end() {
	s.ending.Store(true)
	s.board.Nudge()
}

func (s *service) ended() bool { return s.ending.Load() }

// age is how old the board may be; lost says that the API server is.
func (s *service) age() (age time.Duration, lost bool) {
	age = s.now().Sub(s.heard())
	return age, age > replica.Lost
}

// admit lets the caller of a request in, or says why not. header is its Authorization.
func (s *service) admit(ctx context.Context, header string, v verb, pool types.NamespacedName) (*caller, error) {
	return s.access.counted(header, func() (*caller, error) {
		c, err := s.access.admit(ctx, header, v, pool)
		if err == nil && !s.there(pool) {
			s.access.grants.drop(questionOf(header, v, pool)) // there are any number of names that nothing has
		}
		return c, err
	})
}

// there says whether there is such a pool, or one in such a namespace.
func (s *service) there(pool types.NamespacedName) bool {
	switch {
	case pool.Name != "":
		return s.board.Newest(pool) != nil
	case pool.Namespace != "":
		after := page{pool}.of(s.board.Pools()) // no pool has an empty name
		return len(after) > 0 && after[0].Namespace == pool.Namespace
	}
	return true
}

// bearer returns the header Authorization of a request by gRPC, or of the gateway.
func bearer(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		return values[0]
	}
	return ""
}

// GetLeader tells who leads a pool.
func (s *service) GetLeader(ctx context.Context, q *zenleadv1.GetLeaderRequest) (*zenleadv1.GetLeaderResponse, error) {
	f, found, err := s.leader(ctx, bearer(ctx), q)
	if err != nil {
		return nil, err
	}
	state := stateOf(f.State)
	state.AgeMs = found.age.Milliseconds()
	return &zenleadv1.GetLeaderResponse{State: state, Revision: formatRevision(f.Revision), Stale: found.stale}, nil
}

// current says how current an answer is.
type current struct {
	age   time.Duration
	stale bool
}

// leader answers who leads a pool, and how current that is.
func (s *service) leader(ctx context.Context, header string, q *zenleadv1.GetLeaderRequest) (*snapshot.Frame, current, error) {
	pool, err := s.named(q.GetPool(), q.GetNamespace())
	if err != nil {
		return nil, current{}, err
	}
	strong, err := consistency(q.GetConsistency())
	if err != nil {
		return nil, current{}, err
	}
	if q.GetMinTerm() < 0 {
		return nil, current{}, fail(codes.InvalidArgument, reasonInvalidArgument, "minTerm: must not be negative")
	}
	if _, err := s.admit(ctx, header, get, pool); err != nil {
		return nil, current{}, err
	}
	age, stale := s.age() // of what is on the board now; what comes meanwhile is younger
	f := s.board.Newest(pool)
	if strong || f != nil && f.State.Term < q.GetMinTerm() {
		return s.read(ctx, pool, f, q.GetMinTerm())
	}
	if f == nil {
		return nil, current{}, unknown(pool)
	}
	return f, current{age, stale}, nil
}

// read answers from the API server, or with what is on the board if that is newer.
func (s *service) read(ctx context.Context, pool types.NamespacedName, f *snapshot.Frame, minTerm int64) (*snapshot.Frame, current, error) {
	sent := s.now()
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	state, r, found, err := snapshot.Read(ctx, s.live, pool)
	switch {
	case err != nil:
		return nil, current{}, fail(codes.Unavailable, reasonUnavailable, "the API server does not answer; without consistency=strong zen-lead tells what it knew last")
	case !found:
		return nil, current{}, unknown(pool)
	}
	if f == nil || state.Term >= f.State.Term { // else it is newer: a Lease tells before a policy does
		f = &snapshot.Frame{State: state, Revision: r}
	}
	if f.State.Term < minTerm {
		return nil, current{}, fail(codes.Unavailable, reasonStale, "the newest term known is %d; minTerm is %d", f.State.Term, minTerm)
	}
	return f, current{age: s.now().Sub(sent)}, nil
}

// ListPools tells who leads each pool.
func (s *service) ListPools(ctx context.Context, q *zenleadv1.ListPoolsRequest) (*zenleadv1.ListPoolsResponse, error) {
	if n := q.GetNamespace(); n != "" && len(content.IsDNS1123Label(n)) > 0 {
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "namespace: %s is no name of one", quoted(n))
	}
	size := int(q.GetPageSize())
	switch {
	case size < 0 || size > mostListed:
		return nil, fail(codes.InvalidArgument, reasonInvalidArgument, "pageSize: must be 0 to %d", mostListed)
	case size == 0:
		size = mostListed
	}
	after, err := parsePage(q.GetPageToken())
	if err != nil {
		return nil, err
	}
	if _, err := s.admit(ctx, bearer(ctx), list, types.NamespacedName{Namespace: q.GetNamespace()}); err != nil {
		return nil, err
	}
	age, stale := s.age()
	answer := &zenleadv1.ListPoolsResponse{Stale: stale}
	for _, pool := range after.of(s.board.Pools()) {
		if q.GetNamespace() != "" && pool.Namespace != q.GetNamespace() {
			continue
		}
		if len(answer.Pools) == size {
			last := answer.Pools[size-1]
			answer.NextPageToken = page{types.NamespacedName{Namespace: last.Namespace, Name: last.Pool}}.token()
			break
		}
		if f := s.board.Newest(pool); f != nil {
			state := stateOf(f.State)
			state.AgeMs = age.Milliseconds()
			answer.Pools = append(answer.Pools, state)
		}
	}
	return answer, nil
}

// named returns the pool that a request names.
func (s *service) named(name, namespace string) (types.NamespacedName, error) {
	pool := types.NamespacedName{Namespace: cmp.Or(namespace, defaultNamespace), Name: name}
	if s.board.Newest(pool) != nil {
		return pool, nil // so its name is one
	}
	return named(name, namespace)
}

func named(name, namespace string) (types.NamespacedName, error) {
	if namespace == "" {
		namespace = defaultNamespace
	}
	switch {
	case name == "":
		return types.NamespacedName{}, fail(codes.InvalidArgument, reasonInvalidArgument, "pool: is missing")
	case len(content.IsDNS1123Label(name)) > 0: // a LeaderPolicy's name is one
		return types.NamespacedName{}, fail(codes.InvalidArgument, reasonInvalidArgument, "pool: %s is no name of one: lower-case letters, digits and '-'", quoted(name))
	case len(content.IsDNS1123Label(namespace)) > 0:
		return types.NamespacedName{}, fail(codes.InvalidArgument, reasonInvalidArgument, "namespace: %s is no name of one", quoted(namespace))
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

func consistency(c string) (strong bool, err error) {
	switch {
	case c == "strong":
		return true, nil
	case slices.Contains([]string{"", "cached"}, c):
		return false, nil
	}
	return false, fail(codes.InvalidArgument, reasonInvalidArgument, "consistency: %s is neither cached nor strong", quoted(c))
}

func unknown(pool types.NamespacedName) error {
	return fail(codes.NotFound, reasonUnknownPool, "there is no pool %q in namespace %q", pool.Name, pool.Namespace)
}

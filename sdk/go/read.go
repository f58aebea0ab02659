package zenlead

import (
	"context"
	"errors"
	"fmt"
	"iter"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// ReadOption changes how one question is answered; [Strong] is the only one.
type ReadOption interface {
	apply(*zenleadv1.GetLeaderRequest)
}

type consistency string

func (c consistency) apply(r *zenleadv1.GetLeaderRequest) { r.Consistency = string(c) }

// Strong has zen-lead ask the API server before it answers. It costs the API server one request each time; without it the answer
// comes from memory.
const Strong consistency = "strong"

// Leader tells who leads a pool. It takes the right to get the LeaderPolicy. While nobody leads, [State.Leader] is nil; that is no
// error.
//
// A read that finds nobody is tried again, up to three times within a second. [ErrStale]: nobody could be found who knows as much
// as this client has seen already.
func (c *Client) Leader(ctx context.Context, pool string, opts ...ReadOption) (State, error) {
	key, err := c.pool(pool)
	if err != nil {
		return State{}, err
	}
	state, err := c.shared.leader(ctx, key, opts)
	if err != nil {
		return State{}, fmt.Errorf("ask who leads %v: %w", key, err)
	}
	return state, nil
}

// leader asks a second time where another call has learned of a newer term while the answer was under way.
func (s *shared) leader(ctx context.Context, key poolKey, opts []ReadOption) (State, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	var state State
	for range 2 {
		request := &zenleadv1.GetLeaderRequest{Pool: key.name, Namespace: key.namespace, MinTerm: s.terms.of(key)}
		for _, o := range opts {
			o.apply(request)
		}
		asked := s.now()
		response, err := s.transport.getLeader(ctx, request)
		if err != nil {
			return State{}, err
		}
		state = stateOf(response.GetState())
		if err := key.of(state); err != nil {
			return State{}, err
		}
		state.Stale = response.GetStale()
		state.Age += s.now().since(asked)
		if s.terms.saw(key, state.Term) {
			return state, nil
		}
	}
	return State{}, fmt.Errorf("%w: the answer is of term %d, and term %d was seen", ErrStale, state.Term, s.terms.of(key))
}

// Pools yields who leads each pool of the namespace, by name. It takes the right to list LeaderPolicies there. It ends with the
// last pool, or with an error, which it yields.
func (c *Client) Pools(ctx context.Context) iter.Seq2[State, error] {
	return c.shared.pools(ctx, c.namespace)
}

// AllPools is [Client.Pools] for all namespaces, by namespace and name. It takes the right to list LeaderPolicies in the cluster.
func (c *Client) AllPools(ctx context.Context) iter.Seq2[State, error] {
	return c.shared.pools(ctx, "")
}

func (s *shared) pools(ctx context.Context, namespace string) iter.Seq2[State, error] {
	return func(yield func(State, error) bool) {
		request := &zenleadv1.ListPoolsRequest{Namespace: namespace}
		for {
			page, err := s.page(ctx, request)
			if err != nil {
				yield(State{}, fmt.Errorf("list the pools: %w", err))
				return
			}
			for _, state := range page {
				if !yield(state, nil) {
					return
				}
			}
			if request.PageToken == "" {
				return
			}
		}
	}
}

// page returns one page, and puts into the request what asks for the next one.
func (s *shared) page(ctx context.Context, request *zenleadv1.ListPoolsRequest) ([]State, error) {
	ctx, cancel := s.during(ctx)
	defer cancel()
	asked := s.now()
	response, err := s.transport.listPools(ctx, request)
	if err != nil {
		return nil, err
	}
	request.PageToken = response.GetNextPageToken()
	took := s.now().since(asked)
	page := make([]State, 0, len(response.GetPools()))
	for _, m := range response.GetPools() {
		state := stateOf(m)
		state.Stale = response.GetStale()
		state.Age += took
		key := poolKey{namespace: state.Namespace, name: state.Pool}
		if !s.terms.saw(key, state.Term) {
			// A list cannot ask for a term at least; the pool by itself can.
			state, err = s.leader(ctx, key, nil)
			if errors.Is(err, ErrUnknownPool) {
				continue // deleted since that list
			}
			if err != nil {
				return nil, fmt.Errorf("ask who leads %v: %w", key, err)
			}
		}
		page = append(page, state)
	}
	return page, nil
}

package zenlead

import (
	"context"
	"fmt"

	zenleadv1 "github.com/kube-zen/zen-lead/sdk/go/zenlead/v1"
)

// Moved is a move of the lead that was made.
type Moved struct {
	// Term is the one that it leads in.
	Term int64
	// Message says what was done, for people.
	Message string
}

// Handover moves the lead to a pod once, as planned, and returns when it has moved. It takes the right to update the LeaderPolicy.
//
// It is sent at most once and never tried again. [ErrUnknown]: it was sent, and then the context ended, the connection was lost,
// or the answer did not say: the lead may have moved, or may move yet. [ErrRefused]: it did not move, and will not. A context that
// ended before it was sent, and [ErrUnavailable], say that it did not either.
func (c *Client) Handover(ctx context.Context, pool, pod string) (Moved, error) {
	key, err := c.pool(pool)
	if err != nil {
		return Moved{}, err
	}
	if pod == "" {
		return Moved{}, fmt.Errorf("%w: a handover names the pod that is to lead", ErrInvalidArgument)
	}
	ctx, cancel := c.shared.during(ctx)
	defer cancel()
	response, err := c.shared.transport.handover(ctx, &zenleadv1.HandoverRequest{
		Pool: key.name, Namespace: key.namespace, Move: &zenleadv1.Move{To: pod},
	})
	if err == nil && response.GetTerm() <= 0 {
		err = fmt.Errorf("%w: the answer is none of zen-lead's", ErrUnknown)
	}
	if err != nil {
		return Moved{}, fmt.Errorf("hand %v over to %s: %w", key, pod, err)
	}
	c.shared.terms.saw(key, response.GetTerm())
	return Moved{Term: response.GetTerm(), Message: response.GetMessage()}, nil
}

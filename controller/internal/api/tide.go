package api

import (
	"context"
	"time"
)

// lookEvery is how often it is looked whether the API server is lost.
const lookEvery = time.Second

// watchTide calls turned when the API server is lost, and when it is back, until ctx ends.
func watchTide(ctx context.Context, lost func() bool, turned func()) {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for was := lost(); ; {
		select {
		case <-every.C:
			if is := lost(); is != was {
				was = is
				turned()
			}
		case <-ctx.Done():
			return
		}
	}
}

package zenlead

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestWhoAsksIsToldItsPlaceAndWhyItAsksAgain(t *testing.T) {
	eachLocked(t, calling(on("acquire", false, cut, 2)), func(w *lockWorld) {
		held := w.hold(w.client, "a")
		var places []Place
		var troubles []error
		ctx := WithTrace(w.Context(), Trace{
			Place:   func(p Place) { places = append(places, p) },
			Trouble: func(err error) { troubles = append(troubles, err) },
		})
		waiting := w.another().Lock("a")
		ended := make(chan error, 1)
		go func() { ended <- waiting.Lock(ctx) }()
		pass(5 * time.Second)
		if err := held.Unlock(w.Context()); err != nil {
			w.Fatal(err)
		}
		if err := <-ended; err != nil {
			w.Fatal(err)
		}
		if len(troubles) != 1 || !errors.Is(troubles[0], ErrUnknown) {
			w.Errorf("told of %v", troubles)
		}
		if grpc := !strings.HasPrefix(w.target, "https"); grpc != (len(places) == 1 && places[0].Number == 1) {
			w.Errorf("told the places %v", places)
		}
		if err := waiting.Unlock(w.Context()); err != nil {
			w.Error(err)
		}
	})
}

package api

import (
	"strconv"

	"k8s.io/apimachinery/pkg/labels"
)

// Selected returns the event as a watch with a selector hears of it; heard is false where it does not. An object that is selected
// no more is deleted as it was while it was selected, with the version of the write.
func (e Event) Selected(selector labels.Selector) (_ Event, heard bool) {
	was := e.Old != nil && selector.Matches(labels.Set(e.Old.GetLabels()))
	is := e.Type != Deleted && selector.Matches(labels.Set(e.Object.GetLabels()))
	switch {
	case !was && !is:
		return e, false
	case !was:
		e.Type = Added
	case !is && e.Type != Deleted:
		e.Type, e.Object = Deleted, Copy(e.Old)
		e.Object.SetResourceVersion(strconv.FormatInt(e.Version, 10))
	}
	return e, true
}

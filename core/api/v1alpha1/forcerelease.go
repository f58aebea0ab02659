package v1alpha1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// longestReason is how many characters the reason of a [ForceRelease] may have.
const longestReason = 256

// String is f as it stands in the annotation: JSON in the one form that the API server admits, which reads no JSON and compares text:
// [ForceRelease.By] is written as it is, but for quotes and backslashes.
func (f ForceRelease) String() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return "" // there is nothing in it that JSON does not have
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ParseForceRelease reads what stands in the annotation. An error names what is wrong.
func ParseForceRelease(s string) (ForceRelease, error) {
	var f ForceRelease
	if err := json.Unmarshal([]byte(s), &f); err != nil {
		return ForceRelease{}, fmt.Errorf("%s: %w", ForceReleaseAnnotation, err)
	}
	switch n := utf8.RuneCountInString(f.Reason); {
	case f.Token < 1:
		return ForceRelease{}, errors.New(ForceReleaseAnnotation + ": token must be that of the holder")
	case f.By == "":
		return ForceRelease{}, errors.New(ForceReleaseAnnotation + ": by must be who writes it")
	case n < 1 || n > longestReason:
		return ForceRelease{}, fmt.Errorf("%s: reason must be 1 to %d characters", ForceReleaseAnnotation, longestReason)
	}
	return f, nil
}

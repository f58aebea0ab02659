package audit

import "strings"

// Count is what one client asked for.
type Count struct {
	// Requests of every verb, also those that failed.
	Requests int
	// Writes that succeeded, Failed writes that were refused; Events, which change nothing, are in neither.
	Writes, Failed, Events int
	// Kinds counts the requests by [Request.Kind], those that failed with their code.
	Kinds map[string]int
}

// CountOf counts the requests of the client whose user agent begins with agent.
func CountOf(requests []Request, agent string) Count {
	c := Count{Kinds: map[string]int{}}
	for i := range requests {
		if r := &requests[i]; strings.HasPrefix(r.UserAgent, agent) {
			c.add(r)
		}
	}
	return c
}

func (c *Count) add(r *Request) {
	c.Requests++
	c.Kinds[r.outcome()]++
	switch {
	case !r.IsWrite():
	case r.IsEvent():
		c.Events++
	case r.Succeeded():
		c.Writes++
	default:
		c.Failed++
	}
}

// Merge adds what was counted elsewhere. Kinds must not be nil.
func (c *Count) Merge(other Count) {
	c.Requests += other.Requests
	c.Writes += other.Writes
	c.Failed += other.Failed
	c.Events += other.Events
	for kind, n := range other.Kinds {
		c.Kinds[kind] += n
	}
}

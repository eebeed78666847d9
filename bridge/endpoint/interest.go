package endpoint

// A Condition decides of each event of a type whether an endpoint takes it; a closed set.
type Condition string

const (
	OnTopic   Condition = "topic"   // where it lies
	OnTenant  Condition = "tenant"  // whose it is
	OnFilters Condition = "filters" // what they see in it
)

// Interest reports whether the endpoint takes events of a type that lie on some of these topics, by the
// newest of its periods, and what decides of each of them besides. Without topics it is not known where
// they lie.
func (e *Endpoint) Interest(eventType string, topics []string) (takes bool, decide []Condition) {
	if len(e.rules) == 0 {
		return false, nil
	}
	r := &e.rules[len(e.rules)-1]
	if !r.active || !r.takesType(eventType) {
		return false, nil
	}
	fit := 0
	for _, t := range topics {
		if r.takesTopic(t) {
			fit++
		}
	}
	switch {
	case len(topics) == 0 && len(r.topics) > 0, fit > 0 && fit < len(topics):
		decide = append(decide, OnTopic)
	case fit == 0 && len(topics) > 0:
		return false, nil
	}
	if r.whose != nil {
		decide = append(decide, OnTenant)
	}
	if !r.filters.IsZero() {
		decide = append(decide, OnFilters)
	}
	return true, decide
}

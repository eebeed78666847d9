package delivery

// A Preview is what an endpoint would be sent of one event, or why nothing.
type Preview struct {
	Event   EventRef
	Request *Request // nil: nothing would be sent
	Skipped Skipped
	Detail  string
}

// Skipped says why nothing would be sent of an event; a closed set.
type Skipped string

const (
	SkippedUnmatched   Skipped = "unmatched"    // its type, topic or tenant is not the endpoint's
	SkippedFilters     Skipped = "filters"      // they do not hold
	SkippedFilterError Skipped = "filter_error" // one failed
	SkippedFiltered    Skipped = "filtered"     // the transform wants it not sent
	SkippedTransform   Skipped = "transform"    // it failed
	SkippedProtocol    Skipped = "protocol"     // no request can be made, as of an endpoint whose secrets cannot be opened
)

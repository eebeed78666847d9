package delivery

// Outcome is how a delivery ended; a closed set.
type Outcome string

const (
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"
	Discarded Outcome = "discarded"
)

// Ended says why a delivery ended without success; a closed set.
type Ended string

const (
	EndedExhausted Ended = "exhausted"
	EndedGone      Ended = "gone"
	EndedExpired   Ended = "expired"
	EndedCancelled Ended = "cancelled"
	EndedRefused   Ended = "refused"
	// EndedFilterError: a filter of the endpoint failed on the event. Such a record tells; it ends
	// nothing, since no delivery was begun.
	EndedFilterError Ended = "filter_error"
	EndedFiltered    Ended = "filtered" // the endpoint's transform wants it not sent
)

// Ends lists the closed set.
func Ends() []Ended {
	return []Ended{EndedExhausted, EndedGone, EndedExpired, EndedCancelled, EndedRefused, EndedFilterError, EndedFiltered}
}

// Reason says why an attempt failed; a closed set.
type Reason string

const (
	ReasonDNS          Reason = "dns"
	ReasonEgressDenied Reason = "egress_denied"
	ReasonConnect      Reason = "connect"
	ReasonProxy        Reason = "proxy" // the proxy failed; of the endpoint that says nothing
	ReasonTLS          Reason = "tls"
	ReasonAuth         Reason = "auth" // no token was to be had to log in with
	ReasonTimeout      Reason = "timeout"
	ReasonClosed       Reason = "closed"
	ReasonRedirect     Reason = "redirect"
	ReasonStatus       Reason = "status"
	ReasonLimited      Reason = "limited" // 429, or 503 with Retry-After
	ReasonGone         Reason = "gone"    // 410
	ReasonProtocol     Reason = "protocol"
	ReasonTransform    Reason = "transform" // the endpoint's transform failed; nothing was sent
	// ReasonStopped is not a failure of the endpoint and is never recorded: the attempt was cut off
	// by a shutdown and will be made again.
	ReasonStopped Reason = "stopped"
	// ReasonCrowded neither: there was no connection for it, and it will be made again.
	ReasonCrowded Reason = "crowded"
)

// NextBy says what sets the time of the attempt that follows; a closed set.
type NextBy string

const (
	NextBySchedule   NextBy = "schedule"
	NextByRetryAfter NextBy = "retry_after" // the endpoint asked for nothing before
)

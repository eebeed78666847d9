package receiver

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultDedupWindow is how long a source recognises a repeated id, where it does not say.
const DefaultDedupWindow = 72 * time.Hour

// A Source is one configured intake: a name, the provider that calls it, and what becomes of
// its events. The zero value of every field but Name and Provider means the default.
type Source struct {
	Name     string
	Provider string
	Secrets  []string `json:"-"` // newest first; all are tried

	URI        string // CloudEvents source; "" is /sources/<name> or the official adapter's
	Topic      string // without the type; "" is <prefix>.<name>
	TypePrefix string // without the last dot; "" is the provider's
	PublicURL  string // what the provider was told, without query; "" is the request's own
	Content    Content

	Tolerance *time.Duration // nil is the provider's rule

	DedupWindow *time.Duration // nil is 72 h; 0 recognises no repeats
	DedupKey    string         // what repeats are recognised by: DedupByProvider, …, header:Name or a JSON pointer
	Altered     Policy         // a repeated id that came with another body; Publish, Quarantine or Drop
	MaxBody     int64          // bytes, also of what a gzip body unpacks to; 0 is the provider's
	Rate        Rate
	Invalid     Policy // verified, but not what the provider sends; Quarantine, Accept or Reject
	Schema      Policy // Off, Warn, Quarantine or Reject
	Options     map[string]string
}

// String names the source without its secrets, so that printing one by mistake is harmless.
func (s Source) String() string { return "source " + s.Name + " (" + s.Provider + ")" }

// GoString is String, for %#v.
func (s Source) GoString() string { return s.String() }

// Content is the CloudEvents mode in which events are written to the bus.
type Content string

const (
	Binary     Content = "binary"
	Structured Content = "structured"
)

// Policy says what becomes of a genuine request whose body, or whose id, is at fault.
type Policy string

const (
	Off        Policy = "off"        // do not look
	Warn       Policy = "warn"       // log, and publish as usual
	Quarantine Policy = "quarantine" // publish to the quarantine topic, answer success
	Accept     Policy = "accept"     // publish as usual
	Reject     Policy = "reject"     // answer 422, publish nothing
	Publish    Policy = "publish"    // publish under an id of its own
	Drop       Policy = "drop"       // answer success, publish nothing
)

// Rate is how many genuine requests a source takes; the zero value is no limit.
type Rate struct {
	PerSecond float64
	Burst     int // 0 takes the requests of one second at once
}

// withDefaults returns the source with every default filled in.
func (s Source) withDefaults(topicPrefix string) Source {
	if s.Topic == "" {
		s.Topic = topicPrefix + "." + s.Name
	}
	if s.Content == "" {
		s.Content = Binary
	}
	if s.DedupWindow == nil {
		window := DefaultDedupWindow
		s.DedupWindow = &window
	}
	if s.Invalid == "" {
		s.Invalid = Quarantine
	}
	if s.Schema == "" {
		s.Schema = Off
	}
	s.DedupKey = orElse(s.DedupKey, DedupByProvider)
	s.Altered = orElse(s.Altered, Publish)
	if s.Rate.PerSecond > 0 && s.Rate.Burst == 0 {
		s.Rate.Burst = max(1, int(math.Ceil(s.Rate.PerSecond)))
	}
	return s
}

// maxDedupWindow is what the hours of a window can address.
const maxDedupWindow = (windowHours - 2) * time.Hour

// Validate reports every setting that is wrong, each with the field's name and the remedy.
// Retention is how long the bus keeps events; 0 leaves that out. Whether the provider exists
// and its options and secrets fit is told by New, which asks the provider.
func (s Source) Validate(retention time.Duration) error {
	s = s.withDefaults("topics")
	var faults []error
	fault := func(field, format string, a ...any) {
		faults = append(faults, fmt.Errorf("source %q: %s: %s", s.Name, field, fmt.Sprintf(format, a...)))
	}
	if !validName(s.Name) {
		fault("name", "use a-z, 0-9 and - only")
	}
	if s.Provider == "" {
		fault("provider", "is missing; see hookspan provider list")
	}
	if err := checkTopic(s.Topic); err != nil {
		fault("topic", "%v", err)
	}
	if err := checkPublicURL(s.PublicURL); err != nil {
		fault("public_url", "%v", err)
	}
	if s.Content != Binary && s.Content != Structured {
		fault("content", "%q is not binary or structured", s.Content)
	}
	if s.Tolerance != nil && *s.Tolerance < 0 {
		fault("tolerance", "%v is negative", *s.Tolerance)
	}
	switch window := *s.DedupWindow; {
	case window < 0:
		fault("dedup_window", "%v is negative; 0 recognises no repeats", window)
	case window > maxDedupWindow:
		fault("dedup_window", "%v is longer than %v", window, maxDedupWindow)
	case retention > 0 && window > retention:
		fault("dedup_window", "%v is longer than the retention of %v, behind which ids are forgotten; shorten it or raise the retention", window, retention)
	}
	if _, err := parseDedupKey(s.DedupKey); err != nil {
		fault("dedup_key", "%q: %v", s.DedupKey, err)
	}
	if s.Altered != Publish && s.Altered != Quarantine && s.Altered != Drop {
		fault("altered", "%q is not publish, quarantine or drop", s.Altered)
	}
	if s.MaxBody < 0 || s.MaxBody > math.MaxInt32 {
		fault("max_body", "%d is not between 1 byte and 2 GiB", s.MaxBody)
	}
	if s.Rate.PerSecond < 0 || s.Rate.Burst < 0 {
		fault("rate", "is negative")
	}
	if s.Invalid != Quarantine && s.Invalid != Accept && s.Invalid != Reject {
		fault("invalid", "%q is not quarantine, accept or reject", s.Invalid)
	}
	if s.Schema != Off && s.Schema != Warn && s.Schema != Quarantine && s.Schema != Reject {
		fault("schema", "%q is not off, warn, quarantine or reject", s.Schema)
	}
	return errors.Join(faults...)
}

// validName reports whether a name fits a URL path, a topic and a variable's name.
func validName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// checkTopic refuses what would not be one fixed topic on every bus.
func checkTopic(topic string) error {
	for token := range strings.SplitSeq(topic, ".") {
		if token == "" || sanitize(token) != token {
			return fmt.Errorf("%s has an empty token or one of *, >, space and controls", strconv.Quote(topic))
		}
	}
	if len(topic) > maxTopicBase {
		return fmt.Errorf("%d bytes are more than %d", len(topic), maxTopicBase)
	}
	return nil
}

func checkPublicURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("is not an absolute http or https URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("has a query or a fragment; the request's own query is appended")
	case u.User != nil:
		return errors.New("has a user or password")
	}
	return nil
}

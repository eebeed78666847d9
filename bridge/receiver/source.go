package receiver

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/topic"
)

// DefaultDedupWindow is how long a source recognises a repeated id, where it does not say.
const DefaultDedupWindow = 72 * time.Hour

// A Source is one configured intake: a name, the provider that calls it, and what becomes of
// its events. Each field but the name is the one declaration of a setting: variables
// (HOOKSPAN_SOURCE_<NAME>_PROVIDER), the file, the API's view, schemas and documents come from
// it; see package setting. The zero value of every field but Name and Provider means the default.
type Source struct {
	Name string

	Provider    string           `env:"PROVIDER" doc:"How the sender signs, encrypts and names: see hookspan provider list. Required."`
	Secrets     setting.Secrets  `env:"SECRETS" doc:"Secrets shared with the sender, separated by spaces, newest first; all are tried."`
	URI         string           `env:"URI" default:"/sources/<name>" doc:"CloudEvents source, taken as it is."`
	Topic       string           `env:"TOPIC" default:"<prefix>.<name>" doc:"Topic of its events. On JetStream the provider's type is appended; on Kafka all types share the topic."`
	TypePrefix  string           `env:"TYPE_PREFIX" default:"the provider's" doc:"Replaces the front of the event type, without the last dot."`
	PublicURL   string           `env:"PUBLIC_URL" default:"as requested" doc:"URL that the sender was told, without query; for signatures over the URL."`
	Content     Content          `env:"CONTENT" envDefault:"binary" words:"binary structured" doc:"CloudEvents mode on the bus: binary or structured."`
	Tolerance   *time.Duration   `env:"TOLERANCE" default:"the provider's" doc:"How far a request's time may be from ours; 0 is no check."`
	DedupWindow *time.Duration   `env:"DEDUP_WINDOW" default:"72h, or the retention if that is less" doc:"How long a repeated id is recognised, to the second; 0 recognises none. Not longer than the retention."`
	DedupKey    string           `env:"DEDUP_KEY" envDefault:"provider" doc:"What repeats are recognised by: provider (its id, else a hash of what was signed), content (a hash of the data), none, header:Name or a JSON pointer such as /order/id."`
	Tenant      string           `env:"TENANT" default:"what the event carries" doc:"Whose its events are, whatever they carry themselves: a name, header:Name or a JSON pointer into the data, such as /data/partner_org_id. It becomes the extension tenant; what is found empty is none."`
	Altered     Policy           `env:"ALTERED" envDefault:"publish" words:"publish quarantine drop" doc:"What to do with a repeated id that came with another body, and with a signed request that came again under another id: publish (a repeated id gets one of its own, the extension hookspanoriginalid holds the provider's), quarantine or drop."`
	MaxBody     setting.Size     `env:"MAX_BODY" max:"2147483647" default:"what the provider sends, else 1MiB" doc:"Largest body, also after unpacking gzip; less where the bus takes less."`
	Rate        Rate             `env:"RATE" doc:"Requests taken, such as 50/s or 3000/m; beyond it 429."`
	Invalid     Policy           `env:"INVALID" envDefault:"quarantine" words:"quarantine accept reject" doc:"What to do with a verified body that is not what the provider sends: quarantine, accept or reject."`
	Schema      Policy           `env:"SCHEMA" envDefault:"off" words:"off warn quarantine reject" doc:"Check bodies against the event's schema: off, warn, quarantine or reject."`
	Verify      Policy           `env:"VERIFY" envDefault:"enforce" words:"enforce observe" doc:"What becomes of a request that does not prove who sent it: enforce refuses it; observe takes it, at most 10 a second, to the topic <namespace>.unverified and no other, with the extension hookspanunverified. For the time in which a sender is set up."`
	From        setting.Prefixes `env:"FROM" doc:"Address ranges that the sender has, such as 192.0.2.0/24; requests from others are refused, whatever they prove. Behind a proxy HOOKSPAN_TRUSTED_PROXIES has to name that."`
	ClientCA    string           `env:"CLIENT_CA" doc:"PEM file of authorities: the sender has to show a certificate of one of them in the handshake of TLS, which has to end here (HOOKSPAN_TLS_CERT)."`
	ClientNames setting.List     `env:"CLIENT_NAMES" default:"any" doc:"DNS names, * standing for one label, of which that certificate must be for one."`
	Options     setting.Options  `env:"OPTIONS" api:"hidden" doc:"key=value,… as the provider declares; a comma inside a value is written \\,."`
}

// Fields are the declarations of a source's settings.
var Fields = sync.OnceValue(func() setting.Fields { return setting.Of(&Source{}) })

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

// Policy says what becomes of a request whose body, id or proof is at fault.
type Policy string

const (
	Off        Policy = "off"        // do not look
	Warn       Policy = "warn"       // log, and publish as usual
	Quarantine Policy = "quarantine" // publish to the quarantine topic, answer success
	Accept     Policy = "accept"     // publish as usual
	Reject     Policy = "reject"     // answer 422, publish nothing
	Publish    Policy = "publish"    // publish under an id of its own
	Drop       Policy = "drop"       // answer success, publish nothing
	Enforce    Policy = "enforce"    // refuse what is not genuine
	Observe    Policy = "observe"    // publish it apart from everything else, answer success
)

// Rate is how many genuine requests a source takes; without a burst those of one second at once.
type Rate = setting.Rate

// OfProvider is what the provider's verifier is made of.
func (s Source) OfProvider() provider.Config {
	return provider.Config{
		Source: s.Name, Secrets: s.Secrets, URI: s.URI, TypePrefix: s.TypePrefix,
		Tolerance: s.Tolerance, Options: s.Options, MaxBody: int64(s.MaxBody), Rate: int(math.Ceil(s.Rate.PerSecond * 60)),
	}
}

// withDefaults returns the source with every default filled in.
func (s Source) withDefaults(topicPrefix string) Source {
	if s.Topic == "" {
		s.Topic = topicPrefix + "." + s.Name
	}
	if s.DedupWindow == nil {
		window := DefaultDedupWindow
		s.DedupWindow = &window
	}
	Fields().Fill(&s)
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
	var faults []error
	for _, f := range s.Faults(retention) {
		faults = append(faults, fmt.Errorf("source %q: %s: %s", s.Name, f.Field, f.Message))
	}
	return errors.Join(faults...)
}

// Faults are those that Validate reports.
func (s Source) Faults(retention time.Duration) []setting.Fault {
	s = s.withDefaults("topics")
	faults := Fields().Check(&s)
	unless := func(ok bool, field, format string, a ...any) {
		if !ok {
			faults = append(faults, setting.Fault{Field: field, Message: fmt.Sprintf(format, a...)})
		}
	}
	unless(setting.ValidName(s.Name), "name", "use a-z, 0-9 and - only")
	unless(s.Provider != "", "provider", "missing; hookspan provider list shows the names")
	unless(topic.Valid(s.Topic), "topic", "want words joined by dots, without spaces and wildcards")
	unless(len(s.Topic) <= maxTopicBase, "topic", "is longer than %d bytes", maxTopicBase)
	unless(event.Allowed(s.TypePrefix), "type_prefix", "%s; leave that out", event.BadText)
	unless(!event.Allowed(s.TypePrefix) || !strings.HasSuffix(s.TypePrefix, ".") && !strings.ContainsAny(s.TypePrefix, white), "type_prefix", "want it without the last dot and without spaces")
	unless(event.Allowed(s.URI), "uri", "%s; write it as %%20 and the like", event.BadText)
	unless(!event.Allowed(s.URI) || event.IsReference(s.URI), "uri", "want a URI reference such as /shops/eu or https://shop.example")
	unless(validPublicURL(s.PublicURL), "public_url", "want an http or https URL without query, credentials and fragment")
	unless(s.Tolerance == nil || *s.Tolerance >= 0, "tolerance", "is less than nothing")
	window := *s.DedupWindow
	unless(window >= 0, "dedup_window", "is less than nothing; 0 recognises no repeats")
	unless(window <= maxDedupWindow, "dedup_window", "is longer than %s", setting.FormatDuration(maxDedupWindow))
	unless(retention == 0 || window <= retention, "dedup_window", "longer than HOOKSPAN_RETENTION (%s): an id is remembered no longer than its event", setting.FormatDuration(retention))
	_, err := parseDedupKey(s.DedupKey)
	unless(err == nil, "dedup_key", "%v", err)
	_, err = parseTenancy(s.Tenant)
	unless(err == nil, "tenant", "%v", err)
	return faults
}

const white = " \t\r\n"

// validPublicURL takes what a request's own query can be appended to.
func validPublicURL(raw string) bool {
	u, err := url.Parse(raw)
	return raw == "" || err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") &&
		u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && u.User == nil
}

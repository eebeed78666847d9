package endpoint

import (
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/filter"
	"github.com/hookspan/hookspan/bridge/order"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/transform"
)

// Settings are what an operator decides about an endpoint. Each field is the one declaration of
// a setting: variables (HOOKSPAN_ENDPOINT_<NAME>_URL), the file, the API, the flags of the
// command line, schemas and documents come from it; see package setting.
//
// The tag record says how the registry's log keeps a setting of an endpoint that the API made:
// "name" is its name there where that is not its word, "sealed" with the secrets, "omitzero"
// that a record without it means zero and not the default, "-" that it has a place of its own.
type Settings struct {
	URL           string           `env:"URL" doc:"Where its webhooks go. Required; https unless HOOKSPAN_EGRESS_ALLOW has its address or HOOKSPAN_EGRESS_HOSTS its host." example:"https://crm.example/hooks" format:"uri"`
	Secrets       setting.Secrets  `env:"SECRETS" record:",sealed" doc:"Signing secrets, separated by spaces, newest first; every one signs." example:"whsec_…"`
	Events        setting.List     `env:"EVENTS" envDefault:"*" record:"-" doc:"Patterns over the event type, separated by commas; * stands for any run of characters." example:"com.sticker.*"`
	Topics        setting.List     `env:"TOPICS" default:"all that are followed" record:"-" doc:"Topics whose events it takes." example:"hookspan.events.shop.>"`
	Tenant        string           `env:"TENANT" record:"-" doc:"Whose events it takes, and nobody else's; without one, see tenants." example:"acme"`
	Tenants       string           `env:"TENANTS" envDefault:"all" words:"all none" record:"-" doc:"Whose events an endpoint without a tenant takes: all, or none, which are those that have no tenant."`
	Filters       filter.List      `env:"FILTERS" record:"-" doc:"Filters over the event, of which each must hold, as the CloudEvents Subscriptions API has them: exact, prefix, suffix, all, any, not and sql (CloudEvents SQL), and jq over attributes and data." example:"[{\"prefix\":{\"subject\":\"eu/\"}},{\"sql\":\"EXISTS priority AND priority > 5\"}]"`
	Active        bool             `env:"ACTIVE" envDefault:"true" record:"-" doc:"What is published while false is not for this endpoint."`
	Start         Start            `env:"START" envDefault:"now" record:"-" api:"once" doc:"First event: now (when this installation first saw the name), all, or an RFC 3339 time."`
	Transform     Transform        `env:"TRANSFORM" doc:"A jq expression over attributes and data that makes the request: an object with body and maybe headers, path, method and content_type, or else the body itself; null sends nothing." example:"{body: {id: .data.id}, headers: {\"X-Type\": .attributes.type}}"`
	Signature     string           `env:"SIGNATURE" envDefault:"standard" doc:"{signatures}, or provider:NAME to sign as a provider does."`
	Content       string           `env:"CONTENT" envDefault:"binary" words:"binary structured batch data" doc:"binary, structured, batch or data."`
	Schedule      Schedule         `env:"SCHEDULE" envDefault:"1m,5m,15m,1h,6h,24h" record:"-" doc:"Waits between attempts, or exponential(first, factor, max, attempts) or linear(first, step, max, attempts), where attempts include the first one; an empty list is a single attempt, in a variable or a flag a comma alone."`
	Jitter        setting.Share    `env:"JITTER" envDefault:"10%" record:",omitzero" doc:"Added to each wait, evenly between 0 and this share of it."`
	SuccessOn     setting.Statuses `env:"SUCCESS_ON" envDefault:"200-299" doc:"Statuses of an answer that count as success, separated by commas; 200-299 is a range of them." example:"200-299,304"`
	GiveUpOn      setting.Statuses `env:"GIVE_UP_ON" doc:"Statuses after which no further attempt is made: the delivery has failed, refused. 410 always ends it, and disables the endpoint." example:"400,404,422"`
	MaxAge        time.Duration    `env:"MAX_AGE" envDefault:"0s" min:"0s" max:"8760h" record:",omitzero" doc:"Age of an event, from when the bus stored it, at which its delivery ends: discarded, expired. 0 is none; an event's own expirytime counts likewise." example:"24h"`
	Timeout       time.Duration    `env:"TIMEOUT" envDefault:"30s" over:"0s" max:"1h" doc:"Of one attempt: connect, headers and body."`
	Rate          Rate             `env:"RATE" record:"-" doc:"Attempts, such as 50/s or 3000/m, evenly spaced; 50/s:20 allows a burst of 20." example:"50/s:20"`
	AttemptsLimit Quota            `env:"ATTEMPTS_LIMIT" doc:"Attempts within any second, minute or hour, such as 10/h: never more begin, first ones and retries alike, whoever makes them." example:"10/h"`
	Concurrency   int              `env:"CONCURRENCY" envDefault:"16" max:"1000" doc:"Attempts at the same time."`
	Ordered       bool             `env:"ORDERED" envDefault:"false" record:",omitzero" doc:"An event waits until the one before it with the same key has been delivered or given up; other keys go on." example:"true"`
	OrderKey      OrderKey         `env:"ORDER_KEY" default:"partitionkey, else subject" doc:"What events are ordered by: the name of an attribute, or a JSON pointer into the data. One without it is ordered with nothing." example:"/customer/id"`
	OrderSkip     int              `env:"ORDER_SKIP_AFTER" envDefault:"0" min:"0" max:"1000" record:",omitzero" doc:"Failed attempts of an event after which those behind it go on while it is tried further; 0 is never." example:"3"`
	DisableAfter  time.Duration    `env:"DISABLE_AFTER" envDefault:"120h" min:"0s" max:"8760h" record:",omitzero" doc:"Disabled after this long of nothing but failure; 0 is never."`
	Headers       setting.Headers  `env:"HEADERS" record:",sealed" doc:"Name: value, one per line or separated by commas." example:"X-Team: core"`
	Options       setting.Options  `env:"OPTIONS" doc:"key=value,… of the signature, the content and the encryption: {options}." example:"header_prefix=X-Acme"`
	Auth          Auth             `env:"AUTH" record:",sealed" doc:"How requests log in, an object with one of basic (username, password), bearer and oauth2 (token_url, client_id, client_secret, scopes: client credentials); in the environment as JSON, where a text may be file:PATH. Never shown." example:"{\"bearer\":\"canary\"}"`
	TLS           TLS              `env:"TLS" record:",sealed" doc:"An object with ca (authorities beside the system's), cert and key (a client certificate), server_name (that its certificate must be for instead of the URL's host): PEM, in the environment and the file also paths; in the environment as JSON. Never shown." example:"{\"server_name\":\"canary.example\"}"`
	Proxy         setting.Proxy    `env:"PROXY" default:"HOOKSPAN_EGRESS_PROXY" record:",sealed" doc:"Proxy that it is reached through, written like HOOKSPAN_EGRESS_PROXY, or none. Set by the API, the proxy may only be where endpoints may; its login is never shown." example:"socks5://me:canary@proxy.example"`
	Handshake     bool             `env:"HANDSHAKE" envDefault:"false" record:",omitzero" doc:"Nothing is sent before the endpoint has consented: OPTIONS with WebHook-Request-Origin (CloudEvents), at the registration and when the URL changes; the rate that it allows is kept to." example:"true"`
	AlertTo       Mailboxes        `env:"ALERT_TO" most:"20" doc:"Addresses that alerts about it are mailed to, besides those of HOOKSPAN_ALERT_TO; needs HOOKSPAN_SMTP_URL." example:"oncall@crm.example"`
	EncryptSecret setting.Secret   `env:"ENCRYPT_SECRET" record:"encrypt,sealed" doc:"Key of the encrypt option." example:"ThirtyTwoCharactersOfAKeyPhrase1"`
}

// Fields are the declarations of Settings.
var Fields = sync.OnceValue(func() setting.Fields {
	return setting.Of(&Settings{}).Naming("signatures", signature.Names()).Naming("options", documentedOptions())
})

// Rate is how many attempts a second there may be; without a burst they are spaced evenly.
type Rate = setting.Rate

// Quota is how many attempts there may be within any interval.
type Quota = setting.Quota

// Mailboxes are addresses of mail.
type Mailboxes = setting.Mailboxes

// A Header is an extra request header.
type Header = setting.Header

// Transform makes the requests of an endpoint.
type Transform = transform.Transform

// OrderKey is what events are ordered by; "" is the default. See package order.
type OrderKey string

// Parse takes the name of an attribute, or a JSON pointer.
func (k *OrderKey) Parse(text string) error {
	*k = OrderKey(text)
	_, err := order.Parse(text)
	return err
}

// OfKind is setting.KindText.
func (OrderKey) OfKind() setting.Kind { return setting.KindText }

// Check wants what Parse takes.
func (k OrderKey) Check() []setting.Fault {
	if _, err := order.Parse(string(k)); err != nil {
		return []setting.Fault{{Message: err.Error()}}
	}
	return nil
}

// Start is the first event of an endpoint: StartNow, StartAll or an RFC 3339 time.
type Start string

// Where an endpoint's events begin; else an RFC 3339 time.
const (
	StartNow Start = "now" // with what is published after its registration
	StartAll Start = "all" // with the first event that is still kept
)

// Parse takes now, all or an RFC 3339 time.
func (s *Start) Parse(text string) error {
	*s = Start(text)
	if len(s.Check()) > 0 {
		return wantedStart
	}
	return nil
}

const wantedStart = setting.Wanted("now, all or a time such as 2026-05-04T00:00:00Z")

// OfKind is setting.KindText.
func (Start) OfKind() setting.Kind { return setting.KindText }

// Check wants what Parse takes.
func (s Start) Check() []setting.Fault {
	if _, err := s.time(); err != nil && s != StartNow && s != StartAll {
		return []setting.Fault{{Message: wantedStart.Error()}}
	}
	return nil
}

func (s Start) time() (time.Time, error) { return time.Parse(time.RFC3339, string(s)) }

// Default is an endpoint with nothing but the defaults.
func Default() *Endpoint {
	e := &Endpoint{State: Enabled}
	e.Settings = defaults()
	return e
}

// defaults are shared like those of every endpoint: nobody writes into them.
var defaults = sync.OnceValue(func() Settings {
	var s Settings
	Fields().Reset(&s)
	return s
})

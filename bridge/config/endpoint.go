package config

import "time"

// An Endpoint is a receiver of events that the environment or the file defines. Its variables
// begin with HOOKSPAN_ENDPOINT_<NAME>_.
type Endpoint struct {
	Name      string
	ManagedBy string // env or file

	URL           string        `env:"URL" doc:"Where its webhooks go. Required; https unless its address is in HOOKSPAN_EGRESS_ALLOW."`
	Secrets       Secrets       `env:"SECRETS" doc:"Signing secrets, separated by spaces, newest first; every one signs."`
	Events        List          `env:"EVENTS" envDefault:"*" doc:"Patterns over the event type, separated by commas; * stands for any run of characters."`
	Topics        List          `env:"TOPICS" default:"all that are followed" doc:"Topics whose events it takes."`
	Active        bool          `env:"ACTIVE" envDefault:"true" doc:"What is published while false is not for this endpoint."`
	Start         Start         `env:"START" envDefault:"now" doc:"First event: now (when this installation first saw the name), all, or an RFC 3339 time."`
	Signature     string        `env:"SIGNATURE" envDefault:"standard" words:"standard standard-ed25519 sticker cryptlex hmac none" doc:"standard, standard-ed25519, sticker, cryptlex, hmac or none."`
	Content       string        `env:"CONTENT" envDefault:"binary" words:"binary structured batch data" doc:"binary, structured, batch or data."`
	Schedule      Durations     `env:"SCHEDULE" envDefault:"1m,5m,15m,1h,6h,24h" doc:"Waits between attempts; an empty list in the file is a single attempt."`
	Jitter        Percent       `env:"JITTER" envDefault:"10%" doc:"Added to each wait, evenly between 0 and this share of it."`
	Timeout       time.Duration `env:"TIMEOUT" envDefault:"30s" doc:"Of one attempt: connect, headers and body."`
	Rate          Rate          `env:"RATE" doc:"Attempts, such as 50/s or 3000/m, evenly spaced; 50/s:20 allows a burst of 20."`
	Concurrency   int           `env:"CONCURRENCY" envDefault:"16" doc:"Attempts at the same time."`
	DisableAfter  time.Duration `env:"DISABLE_AFTER" envDefault:"120h" doc:"Disabled after this long of nothing but failure; 0 is never."`
	Headers       Headers       `env:"HEADERS" doc:"Name: value, one per line or separated by commas."`
	Options       Options       `env:"OPTIONS" doc:"key=value,… of the signature and content: header_prefix, header, hash, key_encoding, encoding, prefix, template, batch_size, batch_wait, encrypt."`
	EncryptSecret Secret        `env:"ENCRYPT_SECRET" doc:"Key of the encrypt option."`
}

// Start is the first event of an endpoint: "now", "all" or an RFC 3339 time.
type Start string

const (
	StartNow Start = "now"
	StartAll Start = "all"
)

// UnmarshalText takes now, all or an RFC 3339 time.
func (s *Start) UnmarshalText(text []byte) error {
	*s = Start(text)
	if *s == StartNow || *s == StartAll {
		return nil
	}
	if _, err := time.Parse(time.RFC3339, string(text)); err != nil {
		return wanted("now, all or a time such as 2026-05-04T00:00:00Z")
	}
	return nil
}

// endpointPrefix begins the variables of all endpoints.
const endpointPrefix = prefix + "ENDPOINT_"

package endpoint

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/topic"
)

// Limits that keep one endpoint from taking what all share.
const (
	maxName      = 63 // of an endpoint, and of an option
	maxPatterns  = 100
	maxPattern   = 512
	maxText      = 2048 // of a URL and of an option's value
	maxOptions   = 50
	maxSecrets   = 10
	maxSecret    = 4096
	maxBatch     = 1000
	maxBatchWait = time.Minute
)

// A FieldError names one fault of an endpoint and what to do about it.
type FieldError = setting.Fault

// An InvalidError is every fault of one endpoint.
type InvalidError struct {
	Name   string
	Fields []FieldError
}

func (e *InvalidError) Error() string {
	parts := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		parts = append(parts, f.Field+": "+f.Message)
	}
	return fmt.Sprintf("endpoint %s: %s", e.Name, strings.Join(parts, "; "))
}

// Validate finds what is wrong with an endpoint by itself: what its declaration says of each
// setting, and what several of them say together. What a signature scheme asks for and where
// egress may go is known elsewhere: Options.Check.
func (e *Endpoint) Validate() []FieldError {
	v := &faults{list: Fields().Check(&e.Settings)}
	v.name(e.Name)
	v.url(e.URL)
	v.events(e.Events)
	v.topics(e.Topics)
	v.tenants(e)
	v.secrets(e.Secrets)
	v.oldSecrets(e)
	v.headers(e.Headers)
	v.access(e)
	if wanted := WantedSignature(e.Signature); wanted != "" {
		v.add("signature", "%s", wanted)
	}
	v.statuses(e)
	v.encryption(e)
	v.options(e)
	v.transform(e)
	return v.list
}

type faults struct{ list []FieldError }

func (v *faults) add(field, format string, args ...any) {
	v.list = append(v.list, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (v *faults) name(name string) {
	if name == "" || len(name) > maxName {
		v.add("name", "give it a name of 1 to %d characters", maxName)
		return
	}
	if strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }) {
		v.add("name", "%q: only a-z, 0-9 and - are allowed", name)
	}
}

// url never repeats what was given: it may carry a credential.
func (v *faults) url(raw string) {
	if raw == "" {
		v.add("url", "give the address that events are sent to")
		return
	}
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxText:
		v.add("url", "is longer than %d bytes", maxText)
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		v.add("url", "holds a space, a control character or a backslash; write a space as %%20")
	case err != nil:
		v.add("url", "is not a URL; it looks like https://example.com/webhooks")
	case u.Scheme != "https" && u.Scheme != "http":
		v.add("url", "must begin with https:// (or http:// where that is allowed)")
	case u.Hostname() == "" || u.Opaque != "":
		v.add("url", "has no host")
	case u.User != nil:
		v.add("url", "must not hold a user or password; send them in an Authorization header (headers)")
	case u.Fragment != "":
		v.add("url", "must not have a fragment (#)")
	case !validPort(u):
		v.add("url", "has a port that is not between 1 and 65535")
	}
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n >= 1 && n <= 65535
}

func (v *faults) events(patterns []string) {
	if len(patterns) == 0 {
		v.add("events", "give at least one pattern; * takes every type")
	}
	if len(patterns) > maxPatterns {
		v.add("events", "has %d patterns; %d are allowed", len(patterns), maxPatterns)
		return
	}
	for i, p := range patterns {
		if p == "" || len(p) > maxPattern || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			v.add(at("events", i), "is not a pattern over types such as com.example.order.*")
		}
	}
}

func (v *faults) topics(patterns []string) {
	if len(patterns) > maxPatterns {
		v.add("topics", "has %d patterns; %d are allowed", len(patterns), maxPatterns)
		return
	}
	for i, p := range patterns {
		if _, err := topic.Compile(p); err != nil || len(p) > maxPattern {
			v.add(at("topics", i), "is not a topic, a pattern such as orders.* or orders.>, or a regular expression between slashes")
		}
	}
}

// pastStart refuses a time to come: what is not published yet has no place.
func pastStart(e *Endpoint) error {
	t, err := e.Start.time()
	if err != nil || !t.After(time.Now()) {
		return nil
	}
	return &InvalidError{Name: e.Name, Fields: []FieldError{{Field: "start", Message: "lies in the future; give now, all or a past time"}}}
}

func (v *faults) secrets(list []string) {
	if len(list) > maxSecrets {
		v.add("secrets", "has %d secrets; %d are allowed, take the oldest out", len(list), maxSecrets)
		return
	}
	for i, s := range list {
		v.secret(at("secrets", i), s)
	}
}

// oldSecrets bounds the signatures of a request.
func (v *faults) oldSecrets(e *Endpoint) {
	if n := len(e.Secrets) + len(e.OldSecrets); n > maxSecrets && len(e.OldSecrets) > 0 {
		v.add("secrets", "%d secrets would sign, %d may; with overlap 0s those of before are forgotten at once", n, maxSecrets)
	}
}

// secret never repeats what was given.
func (v *faults) secret(field, s string) {
	switch {
	case s == "":
		v.add(field, "is empty")
	case len(s) > maxSecret:
		v.add(field, "is longer than %d bytes", maxSecret)
	}
}

// statuses refuses what would be success and failure at once.
func (v *faults) statuses(e *Endpoint) {
	if len(e.SuccessOn) == 0 {
		v.add("success_on", "give at least one status, such as 200-299")
	}
	if n := e.GiveUpOn.Common(e.SuccessOn); n != 0 {
		v.add("give_up_on", "has %d, which is in success_on, too; take it out of one of them", n)
	}
}

func (v *faults) encryption(e *Endpoint) {
	if len(e.EncryptSecret) > maxSecret {
		v.add("encrypt_secret", "is longer than %d bytes", maxSecret)
	}
	if e.EncryptSecret != "" && e.Options["encrypt"] == "" {
		v.add("encrypt_secret", "is of no use without the option encrypt, which names the cipher")
	}
	if e.EncryptSecret == "" && e.Options["encrypt"] != "" && !e.locked {
		v.add("encrypt_secret", "give the key for the option encrypt")
	}
}

// transform: of several events in one request it would have to make one.
func (v *faults) transform(e *Endpoint) {
	if !e.Transform.IsZero() && e.Content == batchContent {
		v.add("transform", "is of no use with content batch; leave out one of them")
	}
}

// Batch is how many events at most go into one request in content mode batch, and how long
// the first of them waits for more: 100 and one second unless the options say otherwise.
func (e *Endpoint) Batch() (size int, wait time.Duration, err error) {
	size, wait = 100, time.Second
	if text, ok := e.Options["batch_size"]; ok {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > maxBatch {
			return 0, 0, fmt.Errorf("batch_size must be a number between 1 and %d", maxBatch)
		}
	}
	if text, ok := e.Options["batch_wait"]; ok {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > maxBatchWait {
			return 0, 0, fmt.Errorf("batch_wait must be a duration up to %s, such as 500ms", setting.FormatDuration(maxBatchWait))
		}
	}
	return size, wait, nil
}

func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// Package settingtest has a declaration that nobody uses, with a setting of every sort. The test of
// each door takes it, so that none of them knows its settings by hand.
package settingtest

import (
	"encoding/json"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

// A MadeUp thing has a setting of every sort.
type MadeUp struct {
	Text     string            `env:"TEXT" envDefault:"here" doc:"A text."`
	Word     string            `env:"WORD" envDefault:"one" words:"one two" doc:"A word."`
	Flag     bool              `env:"FLAG" envDefault:"true" doc:"A flag."`
	Count    int               `env:"COUNT" envDefault:"2" min:"0" max:"9" doc:"A count."`
	Wait     time.Duration     `env:"WAIT" envDefault:"1m" over:"0s" max:"1h" doc:"A wait."`
	Maybe    *time.Duration    `env:"MAYBE" doc:"A wait that may be absent."`
	Share    setting.Share     `env:"SHARE" envDefault:"10%" doc:"A share."`
	Rate     setting.Rate      `env:"RATE" doc:"A rate." example:"5/m"`
	Room     setting.Size      `env:"ROOM" envDefault:"1KiB" doc:"A size."`
	Labels   setting.Options   `env:"LABELS" doc:"Labels." example:"team=core"`
	List     setting.List      `env:"LIST" most:"3" doc:"A list." example:"a,b"`
	Waits    setting.Durations `env:"WAITS" envDefault:"1s,2s" max:"1h" doc:"Waits."`
	Headers  setting.Headers   `env:"HEADERS" record:",sealed" doc:"Headers." example:"X-A: b"`
	Key      setting.Secret    `env:"KEY" record:"door,sealed" doc:"A secret." example:"canary"`
	Tokens   setting.Secrets   `env:"TOKENS" record:",sealed" doc:"Secrets." example:"canary"`
	Proxy    setting.Proxy     `env:"PROXY" record:",sealed" doc:"A proxy." example:"http://me:canary@proxy.example"`
	Login    Login             `env:"LOGIN" record:",sealed" doc:"A login." example:"{\"user\":\"me\",\"password\":\"canary\"}"`
	Filters  Filters           `env:"FILTERS" doc:"Filters." example:"[{\"exact\":{\"type\":\"a\"}}]"`
	Once     string            `env:"ONCE" api:"once" doc:"A text that stays."`
	Hidden   string            `env:"HIDDEN" api:"hidden" doc:"A text that is not shown."`
	NoOption string            // no setting
}

// A Login is nested, with a secret inside.
type Login struct {
	User     string `json:"user,omitzero"`
	Password string `json:"password,omitzero"`
}

// Parse reads JSON.
func (l *Login) Parse(text string) error {
	*l = Login{}
	if json.Unmarshal([]byte(text), l) != nil {
		return setting.Wanted("an object with user and password")
	}
	return nil
}

// Refer opens a password that is somewhere else.
func (l *Login) Refer(open setting.Opener) (err error) {
	if l.Password != "" {
		l.Password, err = open(l.Password, setting.Reference{Secret: true})
	}
	return err
}

// OfKind is setting.KindObject.
func (Login) OfKind() setting.Kind { return setting.KindObject }

// Show leaves the password out.
func (l Login) Show() any { return map[string]string{"user": l.User} }

// Shape is what Show shows.
func (Login) Shape() map[string]any {
	return map[string]any{"type": "object", "properties": map[string]any{"user": map[string]any{"type": "string"}}}
}

// Check wants a user beside a password.
func (l Login) Check() []setting.Fault {
	if l.Password == "" || l.User != "" {
		return nil
	}
	return []setting.Fault{{Field: ".user", Message: "is missing"}}
}

// Filters are a list of objects.
type Filters []map[string]json.RawMessage

// Parse reads JSON.
func (f *Filters) Parse(text string) error {
	*f = nil
	if json.Unmarshal([]byte(text), f) != nil {
		return setting.Wanted("a list of filters")
	}
	return nil
}

// OfKind is setting.KindObject.
func (Filters) OfKind() setting.Kind { return setting.KindObject }

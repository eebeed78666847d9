package provider

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/hookspan/hookspan/bridge/provider/naming"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A file is a provider as catalog/*.yaml declares it. Its fields are the whole language, in the
// order of the story that LANGUAGE.md tells; an unknown one is an error.
type file struct {
	Name       string            `yaml:"name" required:"true" doc:"The provider's name, which is that of the file: a-z, 0-9 and -." example:"name: acme"`
	Title      string            `yaml:"title" doc:"What people call it." example:"title: Acme Shop"`
	Like       string            `yaml:"like" doc:"The provider that this one builds on. A section of this file replaces that one's whole; event does so word by word." example:"like: standard-webhooks"`
	With       map[string]string `yaml:"with" doc:"Other defaults for the options of the provider that this one builds on." example:"like: standard-webhooks, with: {headers: svix}"`
	Verified   []string          `yaml:"verified" doc:"Facts that were checked, each with its source." example:"verified: ['HMAC-SHA-256 of the body, in hex (docs.acme.example/webhooks)']"`
	Unverified []string          `yaml:"unverified" doc:"Facts that were not." example:"unverified: [The retry schedule]"`
	Secrets    string            `yaml:"secrets" doc:"What a source's secret is, in words." example:"secrets: 'the signing secret of the webhook, whsec_…'"`
	Options    []Option          `yaml:"options" doc:"Settings that a source of this provider has beyond those of every source." example:"options: [{name: region, default: eu, values: [eu, us], description: where the account is}]"`
	Methods    declaration.List  `yaml:"methods" doc:"Methods of deliveries; POST unless it says otherwise." example:"methods: [POST, PUT]"`
	MediaTypes declaration.List  `yaml:"media_types" doc:"Media types of deliveries; they are for people, and nothing is refused by them." example:"media_types: application/json"`
	MaxBody    size              `yaml:"max_body" doc:"The largest body that the vendor sends; 1MiB unless it says otherwise." example:"max_body: 25MiB"`
	Proof      scheme.Spec       `yaml:",inline"`
	Event      naming.Spec       `yaml:"event" doc:"How a delivery becomes a CloudEvent." example:"event: {prefix: com.acme, id: /id, type: /type, time: /created_at, subject: /order/id}"`
	Success    answerSpec        `yaml:"success" doc:"The response to a delivery that was taken; an empty 200 unless it says otherwise." example:"success: {status: 204}"`
	Refusal    int               `yaml:"refusal" doc:"The status of the response to a request that is not genuine; 401 unless it says otherwise." example:"refusal: 403"`
	Challenges []challengeSpec   `yaml:"challenges" doc:"Handshakes, such as a vendor asks for before it saves a webhook. A request that is one is answered and makes no event." example:"challenges: [{when: [/type = verification, /challenge], json: {challenge: /challenge}}]"`
	Samples    []sampleSpec      `yaml:"samples" doc:"Deliveries as the vendor sends them, for hookspan trigger and for tests. They are signed as the file says." example:"samples: [{type: order.paid, headers: {Content-Type: application/json}, body: '{\"id\":\"${uuid}\",\"type\":\"order.paid\"}'}]"`
}

// An Option is a setting that a provider has beyond those of every source.
type Option struct {
	Name        string   `yaml:"name" json:"name" doc:"Its name, of a-z, 0-9 and _. Texts of the file hold its value as ${name}." example:"name: region"`
	Default     string   `yaml:"default" json:"default,omitempty" doc:"Its value where a source gives none." example:"name: region, default: eu"`
	Required    bool     `yaml:"required" json:"required,omitempty" doc:"A source has to give it." example:"name: region, required: true, example: eu"`
	Secret      bool     `yaml:"secret" json:"secret,omitempty" doc:"It is a secret: no text can hold it, a token names it as its option." example:"name: verify_token, secret: true"`
	Values      []string `yaml:"values" json:"values,omitempty" doc:"All values that are allowed; without them it is any." example:"name: region, values: [eu, us]"`
	Example     string   `yaml:"example" json:"example,omitempty" doc:"A value to check the file with, where there is no default." example:"name: region, required: true, example: eu"`
	Description string   `yaml:"description" json:"description" doc:"What it is, in words." example:"name: region, description: where the account is"`
}

// A size is a number of bytes, written 512KiB or 25MiB.
type size int64

var sizeUnits = map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "kB": 1e3, "MB": 1e6}

// UnmarshalYAML refuses what is no size, and more than any bus takes.
func (s *size) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := declaration.DecodeNode(node, &text); err != nil {
		return err
	}
	unit := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(strings.TrimSuffix(text, unit), 10, 32)
	factor, known := sizeUnits[strings.TrimSpace(unit)]
	if err != nil || !known || n < 1 || n*factor > 1<<30 {
		at := node.GetToken().Position
		return fmt.Errorf("[%d:%d] %q is not a size from 1 byte to 1024MiB, such as 25MiB", at.Line, at.Column, text)
	}
	*s = size(n * factor)
	return nil
}

// Form is how a size is written.
func (s *size) Form() declaration.Form {
	return declaration.Form{Words: "a size", Schema: map[string]any{"type": []string{"string", "integer"}, "pattern": "^[0-9]+ *(KiB|MiB|kB|MB)?$", "minimum": 1}}
}

package asyncapi

import "encoding/json"

// What follows is AsyncAPI 3.1, as far as it is written here.
// Source: https://www.asyncapi.com/docs/reference/specification/v3.1.0

type document struct {
	AsyncAPI    string               `json:"asyncapi"`
	Info        info                 `json:"info"`
	ContentType string               `json:"defaultContentType"`
	Servers     map[string]server    `json:"servers"`
	Channels    map[string]channel   `json:"channels"`
	Operations  map[string]operation `json:"operations"`
	Components  components           `json:"components"`
}

type info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type server struct {
	Host        string              `json:"host"`
	Protocol    string              `json:"protocol"`
	Description string              `json:"description"`
	Variables   map[string]variable `json:"variables,omitempty"`
}

type variable struct {
	Default     string `json:"default,omitempty"`
	Description string `json:"description"`
}

type reference struct {
	Ref string `json:"$ref"`
}

type channel struct {
	Address  *string              `json:"address"` // null: it is not said
	Title    string               `json:"title"`
	Summary  string               `json:"summary,omitempty"`
	Servers  []reference          `json:"servers"`
	Messages map[string]reference `json:"messages"`
	Bindings bindings             `json:"bindings,omitempty"`
}

type operation struct {
	Action   action    `json:"action"`
	Channel  reference `json:"channel"`
	Summary  string    `json:"summary"`
	Bindings bindings  `json:"bindings,omitempty"`
}

type action string

const (
	send    action = "send"
	receive action = "receive"
)

type message struct {
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Summary     string    `json:"summary,omitempty"`
	ContentType string    `json:"contentType,omitempty"`
	Headers     any       `json:"headers,omitempty"`
	Payload     any       `json:"payload,omitempty"`
	Examples    []example `json:"examples,omitempty"`
	Bindings    bindings  `json:"bindings,omitempty"`
}

type example struct {
	Payload any `json:"payload"`
}

// bindings are by protocol.
type bindings map[string]map[string]any

type components struct {
	Messages map[string]message         `json:"messages"`
	Schemas  map[string]json.RawMessage `json:"schemas,omitempty"`
}

package scheme

import (
	"errors"
	"fmt"
	"regexp"
)

// A shapeSpec is what a value has to look like. It proves nothing; beside a signature it keeps apart
// what the same secret signs for two purposes.
type shapeSpec struct {
	In      string `yaml:"in" required:"true" doc:"The value." example:"in: 'form:payload', pattern: '^[^:]+$'"`
	Pattern string `yaml:"pattern" required:"true" doc:"A regular expression that it has to match." example:"in: 'form:payload', pattern: '^[^:]+$'"`
}

type shape struct {
	in      Template
	pattern *regexp.Regexp
}

func (s *shapeSpec) Compile(c *Compiler) (Scheme, error) {
	if s.In == "" || s.Pattern == "" {
		return nil, errors.New("in, pattern: they must say which value looks like what")
	}
	one := &shape{}
	var err error
	if one.pattern, err = regexp.Compile(s.Pattern); err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	if one.in, err = c.Selector(s.In); err != nil {
		return nil, fmt.Errorf("in: %w", err)
	}
	return one, nil
}

func (s *shape) Verify(x *Exchange) *Refusal {
	value, ok := s.in.Value(x)
	if !ok {
		return &Refusal{NoSignature, "the value " + s.in.String() + " is missing"}
	}
	if !s.pattern.MatchString(value) {
		return &Refusal{BadSignature, "the value " + s.in.String() + " does not look like " + s.pattern.String()}
	}
	return nil
}

// Sign has nothing to add: a sample looks so already.
func (s *shape) Sign(*Exchange) error { return nil }

func (s *shape) signs() *Template { return nil }

func (s *shape) Describe() string {
	return "the value " + s.in.String() + " looks like " + s.pattern.String()
}

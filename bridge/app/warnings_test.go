package app_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// What an endpoint shares with us can be guessed where it is short, and may be one phrase that spaces
// took apart. Both doors take it, and say so.
func TestSecretsAreWarnedOf(t *testing.T) {
	t.Parallel()
	sender := webhook.New(webhook.Options{})
	defer sender.Close()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	sealed := map[string]any{"encrypt": "aes-256-cbc", "key": "sha256"}
	for name, c := range map[string]struct {
		block  map[string]any
		warned string
	}{
		"short-phrase":        {map[string]any{"signature": "none", "options": sealed, "encrypt_secret": "fifteen-letters"}, "encrypt_secret: only 15 bytes"},
		"phrase":              {map[string]any{"signature": "none", "options": sealed, "encrypt_secret": "sixteen-letters-"}, ""},
		"a-providers-phrase":  {map[string]any{"signature": "provider:sticky", "options": map[string]any{"key": "sha256"}, "secrets": []any{"canary"}}, "secrets[0]: only 6 bytes"},
		"a-providers-secrets": {map[string]any{"signature": "provider:github", "secrets": []any{"sixteen-letters-", "canary"}}, "secrets[1]: only 6 bytes"},
		"several-phrases":     {map[string]any{"signature": "provider:sticky", "options": map[string]any{"key": "sha256"}, "secrets": "sixteen-letters- and-sixteen-more"}, "secrets: 2 key phrases, of which the first alone encrypts"},
		"a-phrase-of-words":   {map[string]any{"signature": "provider:sticky", "options": map[string]any{"key": "sha256"}, "secrets": []any{"blue kettle on the stove"}}, ""},
		"several-secrets":     {map[string]any{"signature": "provider:github", "secrets": "sixteen-letters- and-sixteen-more"}, ""},
		"ours":                {map[string]any{"signature": "sticker", "secrets": []any{"sixteen-letters-"}}, ""},
	} {
		c.block["url"] = "https://1.1.1.1/"
		conf := configuration(t, byFile(t, "endpoints", "crm", c.block))
		if problems := app.Check(t.Context(), conf, sender.CheckEndpoint); problems != nil {
			t.Fatalf("%s: %v", name, problems)
		}
		var said []string
		for _, w := range conf.Warnings {
			if w.Where == "endpoint crm" {
				said = append(said, w.What)
			}
		}
		c.block["name"] = name
		body, err := json.Marshal(c.block)
		if err != nil {
			t.Fatal(err)
		}
		status, answer := s.register(string(body))
		var made struct{ Warnings []string }
		if err := json.NewDecoder(strings.NewReader(answer)).Decode(&made); err != nil || status != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, status, answer)
		}
		for door, list := range map[string][]string{"check": said, "API": made.Warnings} {
			if text := strings.Join(list, "; "); (c.warned == "") != (text == "") || !strings.HasPrefix(text, c.warned) {
				t.Errorf("%s: the %s warns %q", name, door, text)
			}
		}
	}
	s.end()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

func TestALoginThatCanBeHeardIsWarnedOf(t *testing.T) {
	t.Parallel()
	sender := webhook.New(webhook.Options{})
	defer sender.Close()
	for proxy, warned := range map[string]bool{"socks5://me:canary@8.8.8.8": true, "http://me:canary@10.0.0.1:3128": true, "https://me:canary@8.8.8.8": false, "http://me:canary@localhost": false, "http://10.0.0.1:3128": false} {
		conf := configuration(t, byFile(t, "endpoints", "crm", map[string]any{"url": "https://1.1.1.1/", "proxy": proxy}))
		if problems := app.Check(t.Context(), conf, sender.CheckEndpoint); problems != nil {
			t.Fatalf("%s: %v", proxy, problems)
		}
		said := slices.ContainsFunc(conf.Warnings, func(w config.Problem) bool {
			return w.Where == "endpoint crm" && strings.HasPrefix(w.What, "proxy: its login goes in clear")
		})
		if said != warned {
			t.Errorf("%s: warned is %v in %v", proxy, said, conf.Warnings)
		}
	}
}

// What nobody has proved is delivered by none who does not know that it is.
func TestFollowingWhatNobodyProvedIsWarnedOf(t *testing.T) {
	t.Parallel()
	for topics, warned := range map[string]bool{
		"hookspan.events.>":                        false,
		"hookspan.events.>,hookspan.ops":           false,
		"hookspan.events.>,hookspan.unverified":    true,
		"hookspan.>":                               true,
		"hookspan.*":                               true,
		"other.unverified":                         false,
		"hookspan.unverified HOOKSPAN_ROLES=admin": false, // which follows nothing
	} {
		environ := append(strings.Fields("HOOKSPAN_TOPICS="+topics), "HOOKSPAN_DATA_DIR="+t.TempDir())
		found := slices.ContainsFunc(warnings(t, environ...), func(p config.Problem) bool {
			return p.Where == "HOOKSPAN_TOPICS" && strings.Contains(p.What, "hookspan.unverified")
		})
		if found != warned {
			t.Errorf("%s: warned %v, want %v", topics, found, warned)
		}
	}
}

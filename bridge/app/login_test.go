package app_test

import (
	"strings"
	"testing"
)

// The address that gives tokens is held to the rules for endpoints when one is registered.
func TestTokenEndpointsAreJudged(t *testing.T) {
	t.Parallel()
	for tokenURL, says := range map[string]string{
		"https://1.1.1.1/token": "", "https://169.254.169.254/token": "never allowed", "https://10.0.0.1/token": "not public", "http://1.1.1.1/token": "use https",
	} {
		err := verdict(t.Context(), append(byVariables("HOOKSPAN_ENDPOINT_X_", map[string]any{"url": "https://1.1.1.1/", "auth": grantOf(tokenURL)}), "HOOKSPAN_ENDPOINTS=x")...)
		switch {
		case says == "" && err != nil:
			t.Errorf("%s: %v", tokenURL, err)
		case says != "" && (err == nil || !strings.Contains(err.Error(), "HOOKSPAN_ENDPOINT_X_AUTH: auth.oauth2.token_url") || !strings.Contains(err.Error(), says)):
			t.Errorf("%s: %v, want %q", tokenURL, err, says)
		}
	}
}

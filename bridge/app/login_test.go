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

// A signature that stands in the header of a login would overwrite it, or be overwritten.
func TestALoginBesideASignatureInItsHeaderIsRefused(t *testing.T) {
	t.Parallel()
	for signature, taken := range map[string]bool{"provider:dbt-cloud": true, "provider:github": false} {
		for _, auth := range []string{`{"bearer":"canary"}`, ""} {
			environ := []string{"HOOKSPAN_ENDPOINTS=x", "HOOKSPAN_ENDPOINT_X_URL=https://1.1.1.1/", "HOOKSPAN_ENDPOINT_X_SIGNATURE=" + signature, "HOOKSPAN_ENDPOINT_X_SECRETS=a-secret-of-the-test-that-is-long"}
			if auth != "" {
				environ = append(environ, "HOOKSPAN_ENDPOINT_X_AUTH="+auth)
			}
			err := verdict(t.Context(), environ...)
			if refused := err != nil && strings.Contains(err.Error(), "HOOKSPAN_ENDPOINT_X_AUTH: the signature has the header Authorization"); refused != (taken && auth != "") || err != nil && !refused {
				t.Errorf("%s with %q: %v", signature, auth, err)
			}
		}
	}
}

package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestProxiesOfTheEnvironmentAreTold(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]string{
		"HTTP_PROXY=http://me:canary@p https_proxy=http://p all_proxy=socks5://p": "HTTP_PROXY, https_proxy, all_proxy",
		"HTTPS_PROXY= NO_PROXY=* HOOKSPAN_EGRESS_PROXY=http://me:canary@p":        "",
	} {
		var b bytes.Buffer
		tellProxies(slog.New(slog.NewTextHandler(&b, nil)), strings.Fields(environ))
		if text := b.String(); strings.Contains(text, "canary") || strings.Count(text, "\n") != min(len(want), 1) || !strings.Contains(text, want) {
			t.Errorf("%s: %s", environ, text)
		}
	}
}

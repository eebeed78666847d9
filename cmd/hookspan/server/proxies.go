package server

import (
	"log/slog"
	"slices"
	"strings"
)

// tellProxies says once that the proxies which the environment names for everybody are not ours:
// somebody may have set them for this process.
func tellProxies(log *slog.Logger, environ []string) {
	var found []string
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if slices.Contains([]string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}, strings.ToUpper(name)) && value != "" {
			found = append(found, name)
		}
	}
	if len(found) > 0 {
		log.Warn("proxy variables of the environment are ignored for webhooks; HOOKSPAN_EGRESS_PROXY names their proxy", slog.String("variables", strings.Join(found, ", ")))
	}
}

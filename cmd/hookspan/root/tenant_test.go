package root_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// The source says whose an event is, not its sender; endpoints get their tenant's, also after a
// restart, and what is listed goes by tenants.
func TestTenantsOfARunningServer(t *testing.T) {
	t.Parallel()
	c, dir := newCrew(t), t.TempDir()
	start := func() *replica {
		environ := []string{
			"HOOKSPAN_DATA_DIR=" + dir, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_SOURCE_SHOP_TENANT=/partner",
			"HOOKSPAN_ENDPOINTS=acme,seven,nobody,all", "HOOKSPAN_ENDPOINT_ACME_TENANT=acme", "HOOKSPAN_ENDPOINT_SEVEN_TENANT=7", "HOOKSPAN_ENDPOINT_NOBODY_TENANTS=none",
		}
		for _, name := range []string{"acme", "seven", "nobody", "all"} {
			environ = append(environ, "HOOKSPAN_ENDPOINT_"+strings.ToUpper(name)+"_URL="+c.URL+"/"+name)
		}
		r := launch(t, environ...)
		r.shows("/readyz", http.StatusOK, "")
		return r
	}
	r := start()
	send := func(id, data string) {
		t.Helper()
		body := `{"specversion":"1.0","id":"` + id + `","source":"/t","type":"t.made","tenant":"7","data":` + data + `}`
		if status, text := r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", body); status != http.StatusOK {
			t.Fatalf("event %s was answered %d %s", id, status, text)
		}
	}
	send("of-acme", `{"partner":"acme"}`)
	send("of-seven", `{"partner":7}`)
	send("of-nobody", `{"partner":{"id":"acme"}}`)
	c.await("taken", "all", "of-acme", "of-seven", "of-nobody")
	r.sets("acme", "pause")
	send("of-acme-later", `{"partner":"acme"}`)
	send("of-seven-later", `{"partner":7}`)
	c.await("taken", "all", "of-acme-later", "of-seven-later")
	r.stop()

	r = start()
	r.sets("acme", "enable")
	c.await("taken", "acme", "of-acme", "of-acme-later")
	c.await("taken", "seven", "of-seven", "of-seven-later")
	c.await("taken", "nobody", "of-nobody")
	c.got("acme", false, "of-acme", "of-acme-later")
	c.got("seven", false, "of-seven", "of-seven-later")
	c.got("nobody", false, "of-nobody")
	c.got("all", false, "of-acme", "of-acme-later", "of-seven", "of-seven-later", "of-nobody")

	r.shows("/v1/deliveries?tenant=acme&endpoint=acme&event=of-acme-later&status=delivered", http.StatusOK, `"tenant":"acme"`)
	run := commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
	if out := run(cli.ExitDone, "of-acme", "deliveries", "--tenant", "acme", "--json"); strings.Contains(out, "seven") || strings.Contains(out, "nobody") || strings.Count(out, "\n") != 4 {
		t.Errorf("the deliveries of acme's events are\n%s", out)
	}
	if out := run(cli.ExitDone, "acme", "endpoints", "--tenant", "acme"); strings.Contains(out, "seven") || strings.Contains(out, "all ") {
		t.Errorf("the endpoints of acme are\n%s", out)
	}
}

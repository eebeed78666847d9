package config

import "github.com/hookspan/hookspan/bridge/setting"

// checkMail holds the settings of alerts by mail against each other.
func (l checking) checkMail() {
	c := l.cfg
	if l.unread("SMTP_URL") {
		return
	}
	server := prefix + "SMTP_URL"
	if c.SMTP.URL.IsZero() {
		remedy := "needs a mail server: give " + server
		l.process("SMTP_PASSWORD").unless(c.SMTP.Password.IsZero(), remedy)
		l.process("ALERT_FROM").unless(c.Alert.From == "", remedy)
		l.process("ALERT_TO").unless(len(c.Alert.To) == 0, remedy)
		l.warnOfUnmailed(server)
		return
	}
	u, err := setting.ReadMailServer(c.SMTP.URL.Open())
	if err != nil {
		return // told already
	}
	_, inURL := u.User.Password()
	l.process("SMTP_PASSWORD").unless(c.SMTP.Password.IsZero() || u.User != nil, "is of nobody: name the user in "+server+", as in smtp://user@host:587")
	l.process("SMTP_PASSWORD").unless(c.SMTP.Password.IsZero() || !inURL, "given together with one in "+server+"; remove one of the two")
	l.process("SMTP_URL").unless(u.User == nil || inURL || !c.SMTP.Password.IsZero() || l.unread("SMTP_PASSWORD"), "names a user without a password: give "+prefix+"SMTP_PASSWORD")
	l.process("ALERT_FROM").unless(c.Alert.From != "", "missing; give the address that alerts come from, such as hooks@shop.example")
	if len(c.Alert.To) == 0 {
		l.process("ALERT_TO").warning("missing: nobody is mailed but whom endpoints name (alert_to)")
	}
}

// warnOfUnmailed names the endpoints whose alerts go nowhere.
func (l checking) warnOfUnmailed(server string) {
	for i := range l.cfg.Endpoints {
		e := &l.cfg.Endpoints[i]
		if len(e.AlertTo) > 0 {
			l.at(l.endpoints, e.Name)("ALERT_TO").warning("has no effect without a mail server; give " + server)
		}
	}
}

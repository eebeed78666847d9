package app

import (
	"slices"

	"github.com/hookspan/hookspan/bridge/alert"
)

// assembleMailer has alerts mailed, where that is configured and somebody brought a sender.
func (a *App) assembleMailer(o *Opened) {
	if !a.Config.MailsAlerts() || a.Mail == nil {
		return
	}
	a.mailer = alert.New(alert.Options{
		Topics: o.Bus.KeptOf(a.Config.Namespace + ".ops"), Logs: o.Bus, Sender: a.Mail, Server: a.mailServer, Leads: a.dispatcher.Leads,
		To: a.alertTo, Known: func(endpointID string) bool { return a.registry.Set().ByID(endpointID) != nil },
		Installation: a.Config.Origin, Log: a.Log, Metrics: a.Metrics,
	})
}

// mailServer is that of the newest configuration, so that a password which was rotated holds at once.
// Whether there are mails at all holds from the start on.
func (a *App) mailServer() alert.Server {
	c := a.current.Load()
	if c.SMTP.URL.IsZero() {
		c = a.Config
	}
	return alert.Server{URL: c.SMTP.URL, Password: c.SMTP.Password, From: c.Alert.From}
}

// alertTo are the addresses that hear of an endpoint, and of what is no endpoint's affair.
func (a *App) alertTo(endpointID, tenant string) []string {
	to := a.current.Load().Alert.To.For(tenant)
	if e := a.registry.Set().ByID(endpointID); e != nil {
		to = append(to, e.AlertTo...)
	}
	slices.Sort(to)
	return slices.Compact(to)
}

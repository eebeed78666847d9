// Package mail gives alert mails to a mail server, by SMTP: the only place that does. mailtest is a
// server in the process, for tests.
package mail

package setting

import (
	"net/mail"
	"strings"
)

// Mailboxes are addresses of mail, separated by commas.
type Mailboxes []string

const (
	maxMailbox    = 254 // bytes (RFC 5321, 4.5.3.1)
	wantedMailbox = Wanted("addresses of mail such as oncall@shop.example, without names")
)

// Parse splits at commas.
func (m *Mailboxes) Parse(text string) error {
	*m = nil
	for i, item := range Items(text, ",") {
		if !IsMailbox(item) {
			return itemError{i, wantedMailbox}
		}
		*m = append(*m, item)
	}
	return nil
}

// OfKind is KindList.
func (Mailboxes) OfKind() Kind { return KindList }

// Show is never null.
func (m Mailboxes) Show() any { return append([]string{}, m...) }

// IsMailbox reports whether a text is an address as an envelope has it: no name, no quotes, ASCII.
func IsMailbox(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Name == "" && a.Address == text && len(text) <= maxMailbox &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// A Mailbox is one address of mail, maybe with the name of whose it is: Hookspan <hooks@shop.example>.
type Mailbox string

// Parse takes what the address of a mail's sender may be.
func (m *Mailbox) Parse(text string) error {
	*m = Mailbox(strings.TrimSpace(text))
	if a, err := mail.ParseAddress(text); err != nil || !IsMailbox(a.Address) || strings.ContainsFunc(a.Name, func(r rune) bool { return r < ' ' }) {
		return Wanted("an address of mail such as hooks@shop.example or Hookspan <hooks@shop.example>")
	}
	return nil
}

// OfKind is KindText.
func (Mailbox) OfKind() Kind { return KindText }

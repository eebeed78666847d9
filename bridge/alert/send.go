package alert

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// round does what is due.
func (m *Mailer) round(ctx context.Context) error {
	now, dropped := time.Now(), 0
	var waiting []string
	err := m.book.change(ctx, func(s *state) bool {
		var changed bool
		changed, dropped = s.settle(now, m.Known)
		m.metrics.waiting.Set(float64(len(s.Notices)))
		waiting = s.addresses()
		return changed
	})
	if dropped > 0 {
		m.metrics.mails.WithLabelValues(mailDropped).Add(float64(dropped))
		m.Log.Error("alerts given up, the mail server has not taken them for too long", slog.Int("alerts", dropped))
	}
	if err != nil {
		return err
	}
	for _, address := range waiting {
		for ctx.Err() == nil && !now.Before(m.resume) && !now.Before(m.refused[address]) {
			if more, err := m.mail(ctx, address); !more || err != nil {
				if err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// mail sends an address its next mail; more is false where there is none, or none was taken.
func (m *Mailer) mail(ctx context.Context, address string) (more bool, err error) {
	var next *letter
	err = m.book.change(ctx, func(s *state) bool {
		now := time.Now()
		changed := m.writeDown(s)
		if next = s.next(address, now); next == nil {
			return changed
		}
		if c := s.Claims[address]; c.By != m.session && now.Before(c.Until) {
			next = nil // another process has it on its way
			return changed
		}
		if s.Claims == nil {
			s.Claims = map[string]claim{}
		}
		s.Claims[address] = claim{m.session, now.Add(claimTime)}
		return true
	})
	if err != nil {
		return false, err
	}
	m.taken = nil
	if next == nil {
		return false, nil
	}
	sending, cancel := m.sending(ctx)
	defer cancel()
	switch err := m.Sender.Send(sending, m.Server(), m.compose(next)); {
	case err == nil:
		next.At = time.Now().UTC()
		m.taken = append(m.taken, next)
		m.told(next)
	case sending.Err() != nil && ctx.Err() != nil:
		return false, nil // cut off by the stop
	default:
		m.failed(address, next, err)
		return false, nil
	}
	writing, stop := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer stop()
	if err = m.book.change(writing, m.writeDown); err == nil {
		m.taken = nil
	}
	return true, err
}

// writeDown takes what the server has taken out of what is to be mailed.
func (m *Mailer) writeDown(s *state) (changed bool) {
	for _, l := range m.taken {
		s.mailed(l)
		changed = true
	}
	return changed
}

// sending outlives a stop by a moment, so that a mail which the server takes just then is known to be
// taken.
func (m *Mailer) sending(ctx context.Context) (context.Context, context.CancelFunc) {
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTime)
	unhook := context.AfterFunc(ctx, func() { time.AfterFunc(sendGrace, cancel) })
	return sending, func() {
		unhook()
		cancel()
	}
}

func (m *Mailer) told(l *letter) {
	m.metrics.mails.WithLabelValues(mailSent).Inc()
	m.Log.Info("alert mailed", slog.Int("alerts", len(l.Notices)))
	if m.troubled {
		m.troubled = false
		m.Log.Info("the mail server takes alerts again")
	}
}

// failed has the mail tried again later: soon where the server is away.
func (m *Mailer) failed(address string, l *letter, err error) {
	now := time.Now()
	if errors.Is(err, ErrRefused) {
		m.refused[address] = now.Add(refusedRetry)
		m.metrics.mails.WithLabelValues(mailRefused).Inc()
		m.Log.Error("alert not mailed, the mail server refuses it; trying again in a while", slog.Int("alerts", len(l.Notices)), slog.Any("error", err))
		return
	}
	m.resume = now.Add(sendRetry)
	m.metrics.mails.WithLabelValues(mailFailed).Inc()
	if !m.troubled { // once, however long it lasts
		m.troubled = true
		m.Log.Warn("alert not mailed, trying again until the mail server takes it", slog.Int("alerts", len(l.Notices)), slog.Any("error", err))
	}
}

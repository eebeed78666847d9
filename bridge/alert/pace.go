package alert

import (
	"maps"
	"slices"
	"time"
)

const (
	gather      = 5 * time.Second // before a notice is mailed: what belongs to it is counted with it
	window      = 15 * time.Minute
	mostSingles = 5 // mails to an address within a window; then comes a digest at the end of each
)

// A pace is how much an address has got since the window began.
type pace struct {
	Since time.Time `json:"since"`
	Mails int       `json:"mails"`
}

// storm: the address gets digests.
func (p *pace) storm() bool { return p != nil && p.Mails >= mostSingles }

func (p *pace) over(now time.Time) bool { return p == nil || now.Sub(p.Since) >= window }

// A claim says whose turn it is to mail an address.
type claim struct {
	By    string    `json:"by"`
	Until time.Time `json:"until"`
}

// A letter is what a mail says.
type letter struct {
	Address string
	Notices []notice // one, or those of a digest
	Digest  bool
	Beyond  int       // events that there was no room for
	At      time.Time // when the server took it
}

// addresses are those that have something to get.
func (s *state) addresses() []string {
	all := map[string]bool{}
	for _, n := range s.Notices {
		for _, address := range n.To {
			all[address] = true
		}
	}
	for address := range s.Beyond {
		all[address] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// next is the next mail to an address, nil while there is none.
func (s *state) next(address string, now time.Time) *letter {
	l := &letter{Address: address, Beyond: s.Beyond[address]}
	for _, n := range s.Notices {
		if slices.Contains(n.To, address) && now.Sub(n.Taken) >= gather {
			l.Notices = append(l.Notices, s.current(n))
		}
	}
	p := s.Paces[address]
	room := mostSingles
	if !p.over(now) {
		room -= p.Mails
	}
	switch {
	case len(l.Notices)+l.Beyond == 0, p.storm() && !p.over(now):
		return nil
	case l.Beyond > 0, len(l.Notices) > room, p.storm() && len(l.Notices) > 1:
		l.Digest = true
	default:
		l.Notices = l.Notices[:1]
	}
	return l
}

// current is a notice with the numbers of now.
func (s *state) current(n *notice) notice {
	c := *n
	c.Troubles = slices.Clone(n.Troubles)
	for _, t := range s.Troubles {
		if n.of(t) {
			c.Troubles[0] = *t
		}
	}
	return c
}

// mailed takes in that a letter is with the server.
func (s *state) mailed(l *letter) {
	for _, sent := range l.Notices {
		for _, n := range s.Notices {
			if n.Number == sent.Number {
				n.To = slices.DeleteFunc(n.To, func(a string) bool { return a == l.Address })
			}
		}
	}
	s.Notices = slices.DeleteFunc(s.Notices, func(n *notice) bool { return len(n.To) == 0 })
	if left := s.Beyond[l.Address] - l.Beyond; left > 0 {
		s.Beyond[l.Address] = left
	} else {
		delete(s.Beyond, l.Address)
	}
	delete(s.Claims, l.Address)
	if s.Paces == nil {
		s.Paces = map[string]*pace{}
	}
	switch p := s.Paces[l.Address]; {
	case l.Digest, p.storm():
		s.Paces[l.Address] = &pace{l.At, mostSingles}
	case p.over(l.At):
		s.Paces[l.Address] = &pace{l.At, 1}
	default:
		p.Mails++
	}
}

// calm forgets the pace of addresses that had nothing to get for a window, and old claims.
func (s *state) calm(now time.Time) (changed bool) {
	waiting := s.addresses()
	for address, p := range s.Paces {
		if p.over(now) && !slices.Contains(waiting, address) {
			delete(s.Paces, address)
			changed = true
		}
	}
	for address, c := range s.Claims {
		if now.Sub(c.Until) >= window {
			delete(s.Claims, address)
			changed = true
		}
	}
	return changed
}

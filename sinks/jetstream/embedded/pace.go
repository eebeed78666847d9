package embedded

import "time"

// pace spaces syncs out under load. Each costs CPU and disk time that the publishers need, so
// with many of them fewer, larger rounds are faster; with few, any wait only adds latency.
type pace struct {
	last time.Time // when the last sync ended
	size int       // how many waited for it
}

const (
	paceFrom = 96 // waiters of a round from which waiting for more pays
	paceGap  = time.Millisecond
)

func (p *pace) hold(waiting func() int) {
	if p.size < paceFrom {
		return
	}
	if rest := paceGap - time.Since(p.last); rest > 0 && waiting() < p.size {
		time.Sleep(rest)
	}
}

func (p *pace) done(began time.Time, n int) {
	p.last, p.size = time.Now(), n
}

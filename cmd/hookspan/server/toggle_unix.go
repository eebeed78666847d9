//go:build unix

package server

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// onToggle calls toggle at each SIGUSR1, until stop.
func onToggle(toggle func(by string)) (stop func()) {
	signals := make(chan os.Signal, 1) // the runtime sends; closed once it does not any more
	signal.Notify(signals, syscall.SIGUSR1)
	var listening sync.WaitGroup
	listening.Go(func() {
		for range signals {
			toggle("SIGUSR1")
		}
	})
	return func() {
		signal.Stop(signals)
		close(signals)
		listening.Wait()
	}
}

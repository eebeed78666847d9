package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/listener"
)

// bind takes the addresses before anything else is done.
func (a *App) bind() (err error) {
	if a.runs(config.RoleReceiver) {
		if a.intake, err = net.Listen("tcp", string(a.Config.Listen)); err != nil {
			return fmt.Errorf("listen for webhooks (HOOKSPAN_LISTEN): %w", err)
		}
	}
	if a.control, err = net.Listen("tcp", string(a.Config.AdminListen)); err != nil {
		return fmt.Errorf("listen for the API (HOOKSPAN_ADMIN_LISTEN): %w", err)
	}
	return nil
}

func (a *App) closeListeners() {
	for _, l := range []net.Listener{a.intake, a.control} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// IntakeAddr is the address that webhooks are taken on, "" in a process without that role.
func (a *App) IntakeAddr() string {
	if a.intake == nil {
		return ""
	}
	return a.intake.Addr().String()
}

// AdminAddr is the address of health, metrics and the API.
func (a *App) AdminAddr() string { return a.control.Addr().String() }

// makeServers makes the servers of the listeners.
func (a *App) makeServers() (err error) {
	c := a.Config
	a.intakeDoor.closed, a.controlDoor.closed = http.HandlerFunc(noIntake), a.probes()
	if a.intake != nil {
		a.intakeServer, err = listener.Server(listener.Options{
			Handler: &a.intakeDoor, CertFile: c.TLS.Cert, KeyFile: c.TLS.KeyFile, Log: a.Log,
		})
		if err != nil {
			return fmt.Errorf("TLS of the intake: %w", err)
		}
	}
	a.controlServer, err = listener.Server(listener.Options{
		Handler: listener.Undisturbed(&a.controlDoor), CertFile: c.AdminTLS.Cert, KeyFile: c.AdminTLS.KeyFile, ReadTime: 30 * time.Second, Log: a.Log,
	})
	if err != nil {
		return fmt.Errorf("TLS of the admin listener: %w", err)
	}
	return nil
}

// serve answers on the listeners until they are closed; the channel tells of one that broke.
func (a *App) serve() <-chan error {
	files := fileLimit()
	controls := listener.NewCrowd(controlConnections(files), a.Log, nil)
	broken := make(chan error, 2) // both servers send at the most once
	run := func(name string, s *http.Server, l net.Listener) {
		var err error
		if s.TLSConfig != nil {
			err = s.ServeTLS(l, "", "")
		} else {
			err = s.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			broken <- fmt.Errorf("serve %s: %w", name, err)
		}
	}
	if a.intakeServer != nil {
		most := intakeConnections(a.Config.MaxConnections, files)
		if asked := a.Config.MaxConnections; most < asked {
			a.Log.Warn("HOOKSPAN_MAX_CONNECTIONS is more than the file limit leaves; raise the limit (ulimit -n, LimitNOFILE)",
				slog.Int("asked", asked), slog.Int("connections", most), slog.Int("files", files))
		}
		go run("webhooks", a.intakeServer, listener.NewCrowd(most, a.Log, a.Metrics).Listen(a.intake))
	}
	go run("the API", a.controlServer, controls.Listen(a.control))
	return broken
}

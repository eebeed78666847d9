package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// doors are the listeners of the process, and what answers on them.
type doors struct {
	conf    *config.Config
	log     *slog.Logger
	metrics *prometheus.Registry

	intake, control         net.Listener // intake is nil without that role
	intakeDoor, controlDoor door
	intakeServer            *http.Server
	certificates            atomic.Pointer[receiver.Receiver] // says whether senders are asked for theirs; nil until it is there
	controlServer           *http.Server
}

// bind takes the addresses before anything else is done.
func (d *doors) bind() (err error) {
	if d.conf.Runs(config.RoleReceiver) {
		if d.intake, err = net.Listen("tcp", string(d.conf.Listen)); err != nil {
			return fmt.Errorf("listen for webhooks (HOOKSPAN_LISTEN): %w", err)
		}
	}
	if d.control, err = net.Listen("tcp", string(d.conf.AdminListen)); err != nil {
		return fmt.Errorf("listen for the API (HOOKSPAN_ADMIN_LISTEN): %w", err)
	}
	return nil
}

func (d *doors) close() {
	for _, l := range []net.Listener{d.intake, d.control} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// IntakeAddr is the address that webhooks are taken on, "" in a process without that role.
func (d *doors) IntakeAddr() string {
	if d.intake == nil {
		return ""
	}
	return d.intake.Addr().String()
}

// AdminAddr is the address of health, metrics and the API.
func (d *doors) AdminAddr() string { return d.control.Addr().String() }

// makeServers makes the servers of the listeners; probes answer until the API does.
func (d *doors) makeServers(probes http.Handler) (err error) {
	c := d.conf
	d.intakeDoor.closed, d.controlDoor.closed = http.HandlerFunc(noIntake), probes
	if d.intake != nil {
		d.intakeServer, err = listener.Server(listener.Options{
			Handler: &d.intakeDoor, CertFile: c.TLS.Cert, KeyFile: c.TLS.KeyFile, Log: d.log,
			AsksCertificates: func() bool { r := d.certificates.Load(); return r != nil && r.AsksCertificates() },
		})
		if err != nil {
			return fmt.Errorf("TLS of the intake: %w", err)
		}
	}
	d.controlServer, err = listener.Server(listener.Options{
		Handler: listener.Undisturbed(&d.controlDoor), CertFile: c.AdminTLS.Cert, KeyFile: c.AdminTLS.KeyFile, ReadTime: 30 * time.Second, Log: d.log,
	})
	if err != nil {
		return fmt.Errorf("TLS of the admin listener: %w", err)
	}
	return nil
}

// serve answers on the listeners until they are closed; the channel tells of one that broke.
func (d *doors) serve() <-chan error {
	files := fileLimit()
	controls := listener.NewCrowd(controlConnections(files), d.log, nil)
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
	if d.intakeServer != nil {
		most := intakeConnections(d.conf.MaxConnections, files)
		if asked := d.conf.MaxConnections; most < asked {
			d.log.Warn("HOOKSPAN_MAX_CONNECTIONS is more than the file limit leaves; raise the limit (ulimit -n, LimitNOFILE)",
				slog.Int("asked", asked), slog.Int("connections", most), slog.Int("files", files))
		}
		go run("webhooks", d.intakeServer, listener.NewCrowd(most, d.log, d.metrics).Listen(d.intake))
	}
	go run("the API", d.controlServer, controls.Listen(d.control))
	return broken
}

// shutIntake lets the connections of the intake end until ctx does.
func (d *doors) shutIntake(ctx context.Context) {
	if d.intakeServer != nil && d.intakeServer.Shutdown(ctx) != nil {
		_ = d.intakeServer.Close()
	}
}

package app

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"github.com/hookspan/hookspan/bridge/config"
)

// What this machine or user cannot do is a warning and no fault: a configuration is also checked
// elsewhere than where it is going to serve.

// dataDir wants a folder, or a place where one can be made. It is tried, because rights do not say
// all: nobody makes one in /proc.
func (k *checking) dataDir() {
	path := filepath.Clean(k.conf.DataDir)
	info, err := os.Stat(path)
	for err != nil && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err = os.Stat(path)
	}
	if err == nil && !info.IsDir() {
		k.problem("HOOKSPAN_DATA_DIR", path+" is no folder")
		return
	}
	made, err := os.MkdirTemp(path, ".hookspan-check-*")
	if err != nil {
		k.warn("HOOKSPAN_DATA_DIR", "a start would fail here: "+err.Error())
		return
	}
	_ = os.Remove(made) // empty, so what is left of it harms nobody
}

// hosts tries to listen where the process would, at a free port: its own may be that of a server
// that runs.
func (k *checking) hosts(ctx context.Context) {
	c := k.conf
	try := func(variable string, address config.Address) {
		host, _, err := net.SplitHostPort(string(address))
		if err != nil || host == "" { // none, or every interface
			return
		}
		var listening net.ListenConfig
		l, err := listening.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			k.warn(variable, "a start would fail here: "+err.Error())
			return
		}
		_ = l.Close()
	}
	if c.Runs(config.RoleReceiver) {
		try("HOOKSPAN_LISTEN", c.Listen)
	}
	try("HOOKSPAN_ADMIN_LISTEN", c.AdminListen)
	if c.Bus.Kind != config.BusEmbedded {
		return
	}
	try("HOOKSPAN_EMBEDDED_LISTEN", c.Embedded.Listen)
	if !c.Alone() {
		try("HOOKSPAN_EMBEDDED_ROUTES_LISTEN", c.Embedded.RoutesListen)
	}
}

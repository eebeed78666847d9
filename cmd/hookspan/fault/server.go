package fault

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"time"
)

// A Server is one process of a bus. It has the same folder and address at every start.
type Server struct {
	Name    string
	Address string           // host:port where it listens once it serves
	Command func() *exec.Cmd // of one start
	Log     string           // file that all its processes write to
	Process *Process         // the newest
}

// Start runs it. It returns as soon as the process exists.
func (s *Server) Start() (err error) {
	s.Process, err = run(s.Command(), s.Log)
	return err
}

// Ready waits until it serves.
func (s *Server) Ready(ctx context.Context) error {
	serves := func() bool {
		c, err := net.DialTimeout("tcp", s.Address, time.Second)
		if err == nil {
			_ = c.Close() // it was only to see that somebody is there
		}
		return err == nil || !s.Process.Alive()
	}
	if err := Await(ctx, 50*time.Millisecond, serves); err != nil {
		return fmt.Errorf("wait for %s: %w", s.Name, err)
	}
	if !s.Process.Alive() {
		return fmt.Errorf("%s has ended with exit code %d", s.Name, s.Process.ExitCode())
	}
	return nil
}

// Kill is kill -9, of a server that was started at all.
func (s *Server) Kill() {
	if s.Process != nil {
		s.Process.Kill()
	}
}

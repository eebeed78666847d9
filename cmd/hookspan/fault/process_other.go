//go:build !linux

package fault

import "syscall"

// dieWithParent: only Linux kills a child whose parent was killed.
func dieWithParent() *syscall.SysProcAttr { return nil }

// Memory is measured on Linux only.
func (p *Process) Memory() (int64, error) { return 0, nil }

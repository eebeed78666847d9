//go:build !linux

package fault

import "syscall"

// dieWithParent: only Linux kills a child whose parent was killed.
func dieWithParent() *syscall.SysProcAttr { return nil }

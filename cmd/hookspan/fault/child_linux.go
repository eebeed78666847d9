package fault

import "syscall"

// dieWithParent has the system kill a child whose parent has gone, however it went.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

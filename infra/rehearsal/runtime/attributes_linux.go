package runtime

import "syscall"

// attributes put a process into a group of its own, so that a signal reaches what it started too, and end it with its host.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

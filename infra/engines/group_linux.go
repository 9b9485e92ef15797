package engines

import "syscall"

// ownGroup keeps a Ctrl-C at the terminal from the program, and ends it when this process ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

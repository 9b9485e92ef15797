//go:build !linux

package runtime

import "syscall"

// attributes put a process into a group of its own, so that a signal reaches what it started too.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

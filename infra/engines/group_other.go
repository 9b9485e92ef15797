//go:build !linux

package engines

import "syscall"

// ownGroup does nothing where the programs do not run anyway.
func ownGroup() *syscall.SysProcAttr { return nil }

//go:build unix && !linux

package test

import "syscall"

// ownGroup puts a server in a process group, so that it is stopped with its children.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

package main

import "syscall"

// ownGroup puts a server in a process group, so that it is stopped with its children, and ends it when this command is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

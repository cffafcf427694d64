package main

import "golang.org/x/sys/windows"

// detach gives up the window that Windows opens for a program of the command line.
func detach() {
	_, _, _ = windows.NewLazySystemDLL("kernel32.dll").NewProc("FreeConsole").Call()
}

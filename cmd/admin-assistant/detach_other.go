//go:build !windows

package main

// detach does nothing: only Windows opens a window for a program of the command line.
func detach() {}

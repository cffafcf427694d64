// Command admin-assistant stands for the real one in the tests of releases, which it is built for in seconds.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

var version = "dev"

func main() {
	switch os.Args[1] {
	case "version":
		fmt.Println(version, runtime.GOOS, runtime.GOARCH)
	case "completion":
		fmt.Println("completes in", os.Args[2])
	case "man":
		if err := os.MkdirAll(os.Args[2], 0o755); err != nil {
			panic(err)
		}
		for _, page := range []string{"admin-assistant.1", "admin-assistant-archive.1"} {
			if err := os.WriteFile(filepath.Join(os.Args[2], page), fmt.Appendln(nil, page, os.Args[3:]), 0o644); err != nil {
				panic(err)
			}
		}
	}
}

// Command zipdir packs a folder's files into a zip, for an upload by hand.
//
//	zipdir FOLDER FILE.zip
package main

import (
	"fmt"
	"os"

	"wxnotify/tools/internal/zipped"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: zipdir FOLDER FILE.zip")
		os.Exit(2)
	}
	if err := zipped.Dir(os.Args[2], os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "zipdir:", err)
		os.Exit(1)
	}
}

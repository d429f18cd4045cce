//go:build !windows

package server

import (
	"errors"
	"os"
)

// syncDir has the disk keep the names in a folder.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

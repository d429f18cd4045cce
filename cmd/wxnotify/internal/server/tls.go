package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// A certificate is read from files, again when they change.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu   sync.Mutex
	seen [2]os.FileInfo
	now  *tls.Certificate
}

// load reads the files.
func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("--cert and --key: %w", err)
	}
	c.now = &pair
	return nil
}

// changed reports whether the files are others than when they were looked at last.
func (c *certificate) changed() (changed bool) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			continue // it is being replaced
		}
		was := c.seen[i]
		changed = changed || was == nil || !os.SameFile(was, info) || !was.ModTime().Equal(info.ModTime()) || was.Size() != info.Size()
		c.seen[i] = info
	}
	return changed
}

// get is tls.Config.GetCertificate. While files do not belong together, the certificate before them holds.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.changed() {
		return c.now, nil
	}
	if err := c.load(); err != nil {
		c.log.Error("the new certificate is not used", "alert", "certificate", "error", err)
		return c.now, nil
	}
	c.log.Info("certificate read")
	return c.now, nil
}

package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"

	"wxnotify/cmd/wxnotify/internal/server"
	"wxnotify/internal/testkit"
)

// write writes a certificate for name and its key.
func write(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	testkit.Must(t, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: testkit.Past, NotAfter: testkit.Future}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	testkit.Must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	testkit.Must(t, err)
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		testkit.Must(t, os.WriteFile(file+".new", pem.EncodeToMemory(block), 0o600))
		testkit.Must(t, os.Rename(file+".new", file))
	}
}

// A certificate that was renewed is used without a restart. Files that do not belong together change nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	f := newFixture(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, "first", cert, key)
	s := f.start(func(c *server.Config) { c.CertFile, c.KeyFile = cert, key })
	name := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true})
		testkit.Must(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := name(); got != "first" {
		t.Errorf("got %q", got)
	}
	write(t, "second", cert, key)
	if got := name(); got != "second" {
		t.Errorf("after a renewal: %q", got)
	}
	write(t, "third", cert, filepath.Join(dir, "other.pem"))
	for range 2 {
		if got := name(); got != "second" {
			t.Errorf("without its key: %q", got)
		}
	}
	if n := len(f.log.Lines(`"alert":"certificate"`)); n != 1 {
		t.Errorf("it is told %d times", n)
	}
	write(t, "fourth", cert, key)
	if got := name(); got != "fourth" {
		t.Errorf("when it is mended: %q", got)
	}
	if conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
	plain, err := net.Dial("tcp", s.Addr()) // holds no more than its own connection
	testkit.Must(t, err)
	defer plain.Close()
	if got := name(); got != "fourth" {
		t.Errorf("beside a connection that says nothing: %q", got)
	}
}

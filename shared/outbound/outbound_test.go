package outbound_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/shared/outbound"
)

// A connection is used again at once, and not after a pause in which the other end may have
// let go of it.
func TestIdleConnectionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := outbound.NewTransport(2*time.Second, 4)
		dialled := 0
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dialled++
			client, server := net.Pipe()
			go serve(server)
			return client, nil
		}
		defer tr.CloseIdleConnections()
		for _, step := range []struct {
			pause   time.Duration
			dialled int
		}{{0, 1}, {outbound.Idle - time.Second, 1}, {outbound.Idle + time.Second, 2}} {
			time.Sleep(step.pause)
			res, err := (&http.Client{Transport: tr}).Get("http://api.example.com/")
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if dialled != step.dialled {
				t.Errorf("%d connections after a pause of %v, want %d", dialled, step.pause, step.dialled)
			}
		}
	})
	if outbound.Idle > 5*time.Second {
		t.Errorf("connections are kept for %v", outbound.Idle)
	}
}

// serve answers every request on c.
func serve(c net.Conn) {
	defer c.Close()
	for r := bufio.NewReader(c); ; {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		req.Body.Close()
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"); err != nil {
			return
		}
	}
}

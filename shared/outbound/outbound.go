// Package outbound makes the HTTP transports through which functions call WeChat, IM and
// Tencent Cloud, all by one rule.
package outbound

import (
	"net"
	"net/http"
	"time"
)

// Idle is how long a connection is kept that nobody uses. The platform may freeze a process
// between two events, and the other end closes connections meanwhile. The first request on
// such a connection after the thaw waits until its time is out, and nobody can tell then
// whether it arrived.
const Idle = 5 * time.Second

// NewTransport returns a transport that gives connecting, and then the TLS handshake, so much
// time each, and keeps at most perHost idle connections to a host. It speaks HTTP/1.1:
// HTTP/2 in net/http repeats requests in cases where a server may have seen them.
func NewTransport(connect time.Duration, perHost int) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connect}).DialContext,
		TLSHandshakeTimeout: connect,
		IdleConnTimeout:     Idle,
		MaxIdleConnsPerHost: perHost,
		Protocols:           &http1,
	}
}

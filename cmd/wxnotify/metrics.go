package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"wxnotify/cmd/wxnotify/internal/metrics"
	"wxnotify/shared/store"
)

// metricsOf returns what answers Prometheus for the store of settings. The caller closes the store.
func metricsOf(con console, settings map[string]string) (http.Handler, *store.Store, error) {
	st, err := openStore(con, settings)
	if err != nil {
		return nil, nil, err
	}
	return metrics.Handler(func(ctx context.Context) (store.Overview, error) {
		return store.ReadOverview(ctx, st, settings["WECHAT_APPID"])
	}), st, nil
}

// metricsBefore returns what answers Prometheus at /metrics of this machine, in front of other handlers. closeStore is called at the end.
func metricsBefore(con console, settings map[string]string) (wrap func(http.Handler) http.Handler, closeStore func(), err error) {
	h, st, err := metricsOf(con, settings)
	if err != nil {
		return nil, nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/metrics" && r.Method == http.MethodGet {
				h.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, func() { st.Close() }, nil
}

// serveMetrics answers Prometheus at an address of its own, until stop.
func serveMetrics(con console, settings map[string]string, addr string) (stop func(), err error) {
	h, st, err := metricsOf(con, settings)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		st.Close()
		return nil, fmt.Errorf("--metrics: %w: end what runs there, or choose another address", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10}
	go s.Serve(l)
	fmt.Fprintf(con.err, "wxnotify: metrics at http://%s/metrics\n", l.Addr())
	return func() { s.Close(); st.Close() }, nil
}

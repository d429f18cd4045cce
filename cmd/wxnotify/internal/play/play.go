// Package play serves the play page: the phones of the simulation, their service notifications, and what
// wxnotify did and why. It shows what the terminal of `wxnotify local --sim` tells, and lets one act.
package play

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"wxnotify/cmd/wxnotify/internal/sim"
	"wxnotify/shared/web"
)

//go:embed assets
var assets embed.FS

// keep is how many lines of the story a page gets that comes late.
const keep = 400

// pace is how often phones, permits and presence are looked at while a page is open.
const pace = 200 * time.Millisecond

// A Page is the play page of one simulation. Hear is what the simulation is made with.
type Page struct {
	stream *web.Stream
	ended  context.CancelFunc
	looks  sync.WaitGroup
}

// New returns a page that nobody sees yet. now is the machine's clock.
func New(now func() time.Time) *Page {
	return &Page{stream: web.NewStream(keep, now), ended: func() {}}
}

// Hear adds a line of the story.
func (p *Page) Hear(e sim.Entry) { p.stream.Append("line", e) }

// Close cuts all pages off.
func (p *Page) Close() {
	p.ended()
	p.stream.Close()
	p.looks.Wait()
}

// Serve returns next with the page of s in front of it: GET / and all below /play/. It follows s until Close.
func (p *Page) Serve(s *sim.Sim, next http.Handler) http.Handler {
	ctx, cancel := context.WithCancel(context.Background())
	p.ended = cancel
	p.looks.Go(func() { p.follow(ctx, s) })

	mux := http.NewServeMux()
	mux.Handle("GET /play/events", p.stream)
	mux.HandleFunc("POST /play/act", func(w http.ResponseWriter, r *http.Request) { p.act(w, r, s) })
	mux.Handle("/play/", http.StripPrefix("/play", files()))
	mux.Handle("/{$}", files())
	page := web.Guard(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := mux.Handler(r)
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if pattern == "" || pattern == "/{$}" && !reads { // POST / is the platform's own API
			next.ServeHTTP(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

func files() http.Handler {
	own, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the name is a constant
	}
	return web.Files(own, web.Assets())
}

// follow looks at s while somebody sees the page.
func (p *Page) follow(ctx context.Context, s *sim.Sim) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		if p.stream.Viewers() > 0 {
			p.stream.Set("state", s.Snapshot(ctx))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// act does what somebody clicked, and answers how things are then.
func (p *Page) act(w http.ResponseWriter, r *http.Request, s *sim.Sim) {
	var a sim.Act
	if err := web.Decode(w, r, &a); err != nil {
		web.Error(w, http.StatusBadRequest, sim.Words{English: "this is no act: " + err.Error(), Chinese: "无法识别的操作：" + err.Error()})
		return
	}
	var refusal sim.Refusal
	switch err := s.Act(r.Context(), a); {
	case errors.As(err, &refusal):
		web.Error(w, http.StatusConflict, refusal.Words)
		return
	case err != nil:
		web.Error(w, http.StatusBadGateway, sim.Words{English: err.Error(), Chinese: err.Error()})
		return
	}
	p.stream.Set("state", s.Snapshot(r.Context()))
	web.JSON(w, http.StatusOK, struct{}{})
}

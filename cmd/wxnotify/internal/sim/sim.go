// Package sim adds to the hosted functions what they need of the world: a WeChat and an
// IM app, three people who use them, and a view of what happens for the terminal.
//
//	 people ─▶ simulated IM, WeChat ─▶ ┐              ┌─▶ functions ─▶ simulated WeChat
//	wxnotify trigger ────────────────▶ ┴─▶ Sim.Wrap ──┴─▶ story: who did what
//	                                                      story: timelines, out of the store
//	                                                      story: cards, as the phone shows them
//
// The simulated platforms learn from Wrap what somebody else told the functions in their
// name, so that their answers agree with it.
package sim

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"wxnotify/cmd/wxnotify/internal/logview"
	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/shared/wechat"
	"wxnotify/simulator"
)

// Config says where a Sim lives.
type Config struct {
	// Settings are those of Environment, and STORE_URL.
	Settings map[string]string
	// Out gets the story, a block of lines at a time.
	Out    io.Writer
	Colour bool
	// Lang is the language of the story; empty: English.
	Lang Lang
	// Hear gets each line of the story in both languages, in order. Default: nobody does.
	Hear func(Entry)
	// StoreAway takes the store of Settings away, or gives it back. Default: it cannot be taken away.
	StoreAway func(away bool)
	// Now is the clock of all that happens.
	Now func() time.Time
	// Verbose shows all log lines of the functions, not only warnings and errors.
	Verbose bool
}

// A Sim is the simulated surroundings of the functions.
type Sim struct {
	settings map[string]string
	now      func() time.Time
	mark     string       // tells requests of our own from others
	rules    notify.Rules // guarded by mu once the story has begun
	file     string       // that holds the rules
	people   []*person

	world    *simulator.World
	server   *http.Server
	store    *store.Store
	receiver *wechat.Receiver
	client   *http.Client
	story    *story
	narrator *narrator
	view     *logview.View
	chats    chats

	storeAway func(bool)
	mu        sync.Mutex
	base      string // where the functions are; empty until the opening exchange was played
	functions Functions
	faults    Faults

	quiet     atomic.Bool    // what the people do now is told in other words
	told      chan time.Time // gets the time of the first delivered, by the timeline's clock
	stopWatch func()
	watching  sync.WaitGroup
}

// New starts the simulated platforms. Close ends what it started.
func New(cfg Config) (s *Sim, err error) {
	s = &Sim{settings: maps.Clone(cfg.Settings), now: cfg.Now, mark: rand.Text(), storeAway: cfg.StoreAway,
		told: make(chan time.Time, 1), stopWatch: func() {}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	s.client = &http.Client{Transport: marked{&http.Transport{MaxIdleConnsPerHost: 16}, s.mark}, Timeout: clientTimeout}
	if cfg.Hear == nil {
		cfg.Hear = func(Entry) {}
	}
	s.story = newStory(cfg.Out, term.Palette(cfg.Colour), cmp.Or(cfg.Lang, English), cfg.Now, cfg.Hear)
	if s.view = logview.NewQuiet(s.story, cfg.Colour, cfg.Now); cfg.Verbose {
		s.view = logview.New(s.story, cfg.Colour, cfg.Now)
	}
	if err := s.writeRules(); err != nil {
		return s, err
	}
	if err := s.startWorld(); err != nil {
		return s, err
	}
	if err := s.openFunctionsSide(); err != nil {
		return s, err
	}
	s.people = s.cast()
	if err := s.makeGroup(team, simulator.GroupPublic); err != nil {
		return s, err
	}
	s.narrator = newNarrator(s.rules)
	s.startWatch()
	return s, nil
}

// Settings returns what the functions shall see in their environment.
func (s *Sim) Settings() map[string]string { return maps.Clone(s.settings) }

// Line shows a line that a function printed, if it is worth it.
func (s *Sim) Line(function string, line []byte) { s.view.Line(function, line) }

// Log returns a logger for the host.
func (s *Sim) Log() *slog.Logger { return s.view.Logger("wxnotify", slog.LevelInfo) }

// Ending says that the host is about to be closed: what that breaks off is no news.
func (s *Sim) Ending() { s.story.mute() }

// Close ends everything and tells the rest of the story. The host of the functions must
// have been closed before.
func (s *Sim) Close() {
	s.stopWatch()
	s.watching.Wait()
	if s.world != nil {
		s.world.Close()
	}
	if s.server != nil {
		s.server.Close()
	}
	s.client.CloseIdleConnections()
	if s.store != nil {
		s.store.Close()
	}
	if s.file != "" {
		os.Remove(s.file)
	}
	s.story.print(time.Time{})
}

// pace is how often the store is looked at.
const pace = 100 * time.Millisecond

// startWatch follows the timelines of all people, and the cards on their phones.
func (s *Sim) startWatch() {
	ctx, cancel := context.WithCancel(context.Background())
	stopEvents := s.world.OnEvent(s.worldEvent)
	s.stopWatch = func() {
		stopEvents()
		cancel()
	}
	s.watching.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			s.look(ctx)
			s.story.print(s.now().Add(-hold))
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

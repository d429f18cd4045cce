package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// IM is the Tencent IM of one app: its REST API, its callbacks, its accounts and
// their devices. Accounts appear when they first sign in, send or are imported.
type IM struct {
	w   *World
	cfg IMConfig
	api api

	// The rest is guarded by w.mu.
	callbackURL string
	off         map[string]bool // callbacks that are switched off
	before      map[string]bool // callbacks before sending that are switched on
	accounts    map[string]*account
	groups      map[string]*group
	calls       map[string]*ring
	sent        map[messageKey]*message // for recalls
	sentOrder   []messageKey
}

type account struct {
	id      string
	nick    string
	face    string
	devices map[Platform]*device
	talks   map[string]*talk // with each peer
	blocks  map[string]bool  // whom this account does not want to hear
	seq     uint32           // of the last message sent
}

// A talk is one side's view of a one-to-one conversation: what the peer has written.
type talk struct {
	received int // messages so far
	read     int // how many of them, from the first, are read
	unread   int
	last     int64 // MsgTime of the last
}

// An Error is a code that IM would show to the person who did something.
type Error struct {
	Op   string // our method, such as "SendC2C"
	Code int
	Text string
}

func (e *Error) Error() string {
	return fmt.Sprintf("simulator: %s: code %d: %s", e.Op, e.Code, e.Text)
}

func newIM(w *World, cfg IMConfig) *IM {
	m := &IM{
		w: w, cfg: cfg, callbackURL: cfg.CallbackURL,
		off:      map[string]bool{},
		before:   map[string]bool{},
		accounts: map[string]*account{},
		groups:   map[string]*group{},
		calls:    map[string]*ring{},
		sent:     map[messageKey]*message{},
	}
	for _, admin := range cfg.Admins {
		m.account(admin)
	}
	endpoints := m.endpoints()
	m.api = api{
		platform: "im",
		endpoint: func(path string) func(*request) answer { return endpoints[path] },
		fault:    m.fail,
		unknown:  func() answer { return m.fail(60009) },
	}
	return m
}

// ServeHTTP implements http.Handler for IM's REST API.
func (m *IM) ServeHTTP(rw http.ResponseWriter, r *http.Request) { m.w.serve(rw, r, m.api) }

// SetCallbackURL sets where callbacks go from now on; empty: nowhere. It is an error
// if u is not what IM's console accepts.
func (m *IM) SetCallbackURL(u string) error {
	if u != "" {
		if err := checkReceiver("the callback URL", u); err != nil {
			return fmt.Errorf("simulator: %w", err)
		}
	}
	m.w.lock()
	defer m.w.unlock()
	m.callbackURL = u
	return nil
}

// Switch turns a callback on or off, as the ticks in the console do.
func (m *IM) Switch(command string, on bool) {
	m.w.lock()
	defer m.w.unlock()
	if command == commandBeforeC2C || command == commandBeforeGroup {
		m.before[command] = on
		return
	}
	m.off[command] = !on
}

// Import creates an account that never signed in. nick may be empty.
func (m *IM) Import(user, nick string) {
	m.w.lock()
	defer m.w.unlock()
	m.account(user).nick = nick
}

// Block makes messages of peer to user fail with 20007, or no longer.
func (m *IM) Block(user, peer string, on bool) {
	m.w.lock()
	defer m.w.unlock()
	m.account(user).blocks[peer] = on
}

// Unread returns how many messages of all one-to-one conversations user has not read.
func (m *IM) Unread(user string) int {
	m.w.lock()
	defer m.w.unlock()
	a, ok := m.accounts[user]
	if !ok {
		return 0
	}
	return a.unread()
}

// account returns the account of that id, made if need be. The caller holds w.mu.
func (m *IM) account(id string) *account {
	a, ok := m.accounts[id]
	if !ok {
		a = &account{
			id: id, devices: map[Platform]*device{}, talks: map[string]*talk{}, blocks: map[string]bool{},
			seq: m.w.rnd.uint32() >> 1,
		}
		m.accounts[id] = a
	}
	return a
}

func (a *account) talk(peer string) *talk {
	t, ok := a.talks[peer]
	if !ok {
		t = &talk{}
		a.talks[peer] = t
	}
	return t
}

func (a *account) unread() int {
	n := 0
	for _, t := range a.talks {
		n += t.unread
	}
	return n
}

func (m *IM) isAdmin(user string) bool { return slices.Contains(m.cfg.Admins, user) }

func (m *IM) millis() int64 { return m.w.now().UnixMilli() }

// note tells an event of IM at the next unlock. The caller holds w.mu.
func (m *IM) note(kind EventKind, user, peer, name, text string) {
	m.w.note(Event{Platform: "im", Kind: kind, User: user, Peer: peer, Name: name, Text: text})
}

// recallWindow is how long a message may be taken back by its sender.
const recallWindow = 2 * time.Minute

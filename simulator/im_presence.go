package simulator

import (
	"maps"
	"slices"
	"time"
)

// A Platform is a kind of device.
type Platform string

// The platforms. A mini program uses the Web SDK and calls itself Web everywhere.
const (
	MiniProgram Platform = "MiniProgram"
	Web         Platform = "Web"
	Android     Platform = "Android"
	IPhone      Platform = "iPhone"
)

// spelling is how one platform is written in two places.
type spelling struct {
	opt    string // OptPlatform; in State.StateChange iOS becomes IOS
	kicked string // KickedDevice[].Platform
}

// Source: https://cloud.tencent.com/document/product/269/1522
var spellings = map[Platform]spelling{
	MiniProgram: {"Web", "Web"},
	Web:         {"Web", "Web"},
	Android:     {"Android", "Android"},
	IPhone:      {"iOS", "iOS"},
}

// A Status is what IM says of a user.
// Source: https://cloud.tencent.com/document/product/269/3602
type Status string

// The statuses.
const (
	Online     Status = "Online"
	PushOnline Status = "PushOnline"
	Offline    Status = "Offline"
)

const (
	heartbeatTimeout = 400 * time.Second
	pushOnlineFor    = 7 * 24 * time.Hour
)

// A device is one connection of an account, or what is left of it.
type device struct {
	platform  Platform
	connected bool   // false: PushOnline
	leave     func() // ends a pending departure; nil if none is pending
}

// pushable devices stay reachable by vendor push when they are not connected.
func (p Platform) pushable() bool {
	return p == Android || p == IPhone
}

// native devices kick one another: by default one of them may be signed in, plus Web.
// Source: https://cloud.tencent.com/document/product/269/1499
func (p Platform) native() bool { return p != MiniProgram && p != Web }

// SignIn connects a device of user, kicks what the default policy kicks, and sends
// Login. A departure of that device which IM has not noticed yet never happened.
func (m *IM) SignIn(user string, on Platform) {
	m.w.lock()
	a := m.account(user)
	var kicked []Platform
	for _, p := range slices.Sorted(maps.Keys(a.devices)) {
		if p != on && p.native() && on.native() {
			if a.devices[p].connected {
				kicked = append(kicked, p)
			}
			m.remove(a, p)
		}
	}
	m.remove(a, on)
	a.devices[on] = &device{platform: on, connected: true}
	m.note(EventSignedIn, user, "", string(on), "")
	cb := m.stateChange(user, on, "Login", "Register", kicked)
	m.w.unlock()
	m.send(cb)
}

// SignInWithSig is SignIn after IM has checked the UserSig; the error is an *Error
// with the code that the SDK would show.
func (m *IM) SignInWithSig(user, userSig string, on Platform) error {
	if code := m.checkUserSig(user, userSig, m.cfg.SDKAppID); code != 0 {
		return &Error{"SignInWithSig", code, errorText(code)}
	}
	m.SignIn(user, on)
	return nil
}

// Close is the close button of the mini program's capsule, or closing a browser tab:
// IM notices within 5 s, of a tab at once. Without platforms it is done on all devices.
func (m *IM) Close(user string, on ...Platform) {
	m.leave(user, on, "closed", func(p Platform) (time.Duration, bool) {
		if p == MiniProgram {
			return m.cfg.Leaving.Close, true
		}
		return 0, true
	}, reasonLinkClose)
}

// Background sends WeChat to the background: IM notices a mini program's absence after
// 30 s. Other devices stay connected.
func (m *IM) Background(user string, on ...Platform) {
	m.leave(user, on, "in background", func(p Platform) (time.Duration, bool) {
		return m.cfg.Leaving.Background, p == MiniProgram
	}, reasonLinkClose)
}

// LoseNetwork cuts the network: IM notices after 60 s for mini programs and web pages,
// after 400 s without heartbeat for the rest.
func (m *IM) LoseNetwork(user string, on ...Platform) {
	m.leave(user, on, "network lost", func(p Platform) (time.Duration, bool) {
		if p.native() {
			return heartbeatTimeout, true
		}
		return m.cfg.Leaving.Network, true
	}, func(p Platform) string {
		if p.native() {
			return "TimeOut"
		}
		return "LinkClose"
	})
}

// Kill ends the process of WeChat or of the app: IM notices at once.
func (m *IM) Kill(user string, on ...Platform) {
	m.leave(user, on, "killed", func(Platform) (time.Duration, bool) { return 0, true }, reasonLinkClose)
}

func reasonLinkClose(Platform) string { return "LinkClose" }

// Logout signs user out on the given devices, or on all, and sends Logout for each.
func (m *IM) Logout(user string, on ...Platform) {
	m.w.lock()
	a := m.account(user)
	var cbs []*callback
	for _, p := range a.chosen(on) {
		wasConnected := a.devices[p].connected
		m.remove(a, p)
		if wasConnected {
			m.note(EventGone, user, "", "Logout", string(p))
			cbs = append(cbs, m.stateChange(user, p, "Logout", "Unregister", nil))
		}
	}
	m.w.unlock()
	m.send(cbs...)
}

// leave lets devices go after the time that how names; ok false: this device stays.
func (m *IM) leave(user string, on []Platform, how string,
	after func(Platform) (d time.Duration, ok bool), reason func(Platform) string) {
	m.w.lock()
	a := m.account(user)
	var now []Platform
	for _, p := range a.chosen(on) {
		d, leaves := after(p)
		if !leaves || !a.devices[p].connected {
			continue
		}
		a.devices[p].stay()
		if d <= 0 {
			now = append(now, p)
			continue
		}
		m.note(EventLeaving, user, "", how, "")
		dev := a.devices[p]
		dev.leave = m.w.after(d, func() { m.disconnect(a, dev, reason(p)) })
	}
	gone := make([]*device, len(now))
	for i, p := range now {
		gone[i] = a.devices[p]
	}
	m.w.unlock()
	for _, d := range gone {
		m.disconnect(a, d, reason(d.platform))
	}
}

// disconnect is IM noticing that d is gone.
func (m *IM) disconnect(a *account, d *device, reason string) {
	m.w.lock()
	if a.devices[d.platform] != d || !d.connected {
		m.w.unlock()
		return
	}
	m.goneAway(a, d)
	cb := m.stateChange(a.id, d.platform, "Disconnect", reason, nil)
	m.w.unlock()
	m.send(cb)
}

// goneAway ends a connection. The caller holds w.mu.
func (m *IM) goneAway(a *account, d *device) {
	d.connected, d.leave = false, nil
	if d.platform.pushable() {
		d.leave = m.w.after(pushOnlineFor, func() { m.forgetDevice(a, d) })
	} else {
		delete(a.devices, d.platform)
	}
	m.note(EventGone, a.id, "", "Disconnect", string(d.platform))
}

// forgetDevice ends PushOnline.
func (m *IM) forgetDevice(a *account, d *device) {
	m.w.lock()
	defer m.w.unlock()
	if a.devices[d.platform] == d && !d.connected {
		delete(a.devices, d.platform)
	}
}

// remove takes a device away without a callback.
func (m *IM) remove(a *account, p Platform) {
	if d, ok := a.devices[p]; ok {
		d.stay()
		delete(a.devices, p)
	}
}

// stay cancels a pending departure.
func (d *device) stay() {
	if d.leave != nil {
		d.leave()
		d.leave = nil
	}
}

// chosen returns the devices that a method is about, in a steady order.
func (a *account) chosen(on []Platform) []Platform {
	var ps []Platform
	for _, p := range slices.Sorted(maps.Keys(a.devices)) {
		if len(on) == 0 || slices.Contains(on, p) {
			ps = append(ps, p)
		}
	}
	return ps
}

// Status returns what IM says of user now: a mini program whose departure IM has not
// noticed is Online. ok is false if there is no such account.
func (m *IM) Status(user string) (s Status, ok bool) {
	m.w.lock()
	defer m.w.unlock()
	a, ok := m.accounts[user]
	if !ok {
		return Offline, false
	}
	return a.status(), true
}

func (a *account) status() Status {
	s := Offline
	for _, d := range a.devices {
		if d.connected {
			return Online
		}
		s = PushOnline
	}
	return s
}

// optPlatform is where a message of a comes from.
func (a *account) optPlatform() string {
	for _, p := range a.chosen(nil) {
		if a.devices[p].connected {
			return spellings[p].opt
		}
	}
	return spellings[Web].opt
}

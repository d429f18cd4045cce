package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

func (w *chaos) someone() notify.UserID { return w.users[w.r.IntN(len(w.users))] }

// step lets one thing happen and some time pass.
func (w *chaos) step() {
	user := w.someone()
	switch n := w.r.IntN(30); {
	case n < 6:
		w.write(user)
	case n < 9:
		w.again()
	case n < 11:
		w.online[user] = w.r.IntN(3) == 0
		if w.r.IntN(3) > 0 { // some callbacks are lost
			w.record(notify.Presence{User: user, Online: w.online[user], At: w.Now()})
		}
	case n < 13:
		w.tap(w.bound[user])
	case n < 14:
		w.record(notify.Read{Reader: user, Peer: w.someone(), UpTo: w.Now()})
	case n < 15:
		w.bind(user, notify.OpenID(fmt.Sprint("openid", w.r.IntN(7))))
	case n < 16:
		if w.r.IntN(3) == 0 {
			w.erase(user)
		}
	case n < 18:
		w.ring(user)
	case n < 20:
		w.ringsNoMore()
	case n < 22:
		w.report()
	case n < 23:
		w.prefer(user)
	case n < 24:
		w.replay()
	default:
		w.pass()
	}
	w.Advance(time.Duration(w.r.IntN(15000)) * time.Millisecond)
}

// write sends user a message from somebody; sometimes its recall is faster.
func (w *chaos) write(user notify.UserID) {
	if w.bound[user] == "" {
		return // he would only be counted
	}
	m := w.messageTo(user, notify.MessageID(w.fresh("m")))
	m.From = w.somebodyElse(user)
	w.sent++
	w.known = append(w.known, m)
	if w.r.IntN(10) == 0 {
		w.record(notify.Recall{ID: m.ID, From: m.From, To: m.To})
	}
	w.record(m)
}

func (w *chaos) somebodyElse(user notify.UserID) notify.UserID {
	for {
		if other := w.someone(); other != user {
			return other
		}
	}
}

// again repeats a callback of an earlier message, or tells that it failed or was
// recalled.
func (w *chaos) again() {
	if len(w.known) == 0 {
		return
	}
	m := w.known[w.r.IntN(len(w.known))]
	switch {
	case w.bound[m.To] == "":
	case w.r.IntN(4) == 0:
		w.record(notify.Recall{ID: m.ID, From: m.From, To: m.To})
	default:
		m.FailedCode = w.r.IntN(4) / 3
		w.record(m)
	}
}

// twoNames is one call as each of its two sources tells of it.
type twoNames [2]notify.Ring

// ring has somebody call user. One source or both tell of it, each of its beginning and
// its end in either order.
func (w *chaos) ring(user notify.UserID) {
	if w.bound[user] == "" {
		return
	}
	w.Advance(11 * time.Second) // calls of one person are told apart
	w.sent++
	first := notify.Ring{Call: notify.MessageID(w.fresh("call")), Source: notify.CallSignal, Caller: w.somebodyElse(user),
		Users: []notify.UserID{user}, At: w.Now(), For: 30 * time.Second}
	second := first
	second.Call, second.Source = notify.MessageID(w.fresh("CALL")), notify.CallWebhook
	call := twoNames{first, second}
	w.r.Shuffle(2, func(i, j int) { call[i], call[j] = call[j], call[i] })
	w.calls = append(w.calls, call)
	if w.r.IntN(5) == 0 { // the end overtakes the beginning
		w.record(w.endOf(call[0]))
	}
	w.record(call[0])
	if w.r.IntN(2) == 0 {
		w.Advance(time.Duration(w.r.IntN(9000)) * time.Millisecond)
		if w.r.IntN(5) == 0 {
			w.record(w.endOf(call[1]))
		}
		w.record(call[1], call[0])
	}
}

func (w *chaos) endOf(r notify.Ring) notify.RingEnd {
	how := []notify.CallEnd{notify.CallAnswered, notify.CallRejected, notify.CallCancelled, notify.CallTimedOut, notify.CallBusy, notify.CallHungUp}
	return notify.RingEnd{Call: r.Call, Source: r.Source, Caller: r.Caller, Users: r.Users, How: how[w.r.IntN(len(how))], At: w.Now()}
}

// ringsNoMore tells how one of the last calls ended, in the words of either source.
func (w *chaos) ringsNoMore() {
	if n := len(w.calls); n > 0 {
		w.record(w.endOf(w.calls[n-1-w.r.IntN(min(n, 2))][w.r.IntN(2)]))
	}
}

// tap grants a permit of each template, of which either platform or both tell.
func (w *chaos) tap(openID notify.OpenID) {
	if openID == "" {
		return
	}
	w.taps[openID]++
	w.serial++
	g := notify.Grant{ID: w.fresh("tap"), OpenID: openID, At: w.Now(), Templates: []notify.TemplateID{tmpl, tmpl2}}
	for _, g.Source = range [][]notify.GrantSource{{notify.GrantPopup}, {notify.GrantReport},
		{notify.GrantReport, notify.GrantPopup}}[w.r.IntN(3)] {
		w.record(g)
	}
	w.Advance(5 * time.Minute) // taps of one user are told apart
}

// report tells what became of a card, now and then twice.
func (w *chaos) report() {
	if n := len(w.reports); n > 0 {
		i := w.r.IntN(n)
		w.record(w.reports[i])
		if w.r.IntN(3) > 0 {
			w.reports = slices.Delete(w.reports, i, i+1)
		}
	}
}

// prefer changes what user wants to be told of.
func (w *chaos) prefer(user notify.UserID) {
	p := notify.Preferences{Muted: w.r.IntN(4) == 0, MutedPeers: []string{string(w.someone())}}
	if err := w.Store.SetPreferences(w.Context(), user, p); (w.bound[user] == "") != errors.Is(err, store.ErrNotBound) {
		w.must(err)
	}
}

// replay has an operator announce again what was given up.
func (w *chaos) replay() {
	letters, err := w.Store.DeadLetters(w.Context(), 1)
	w.must(err)
	for _, l := range letters {
		_, err := w.Store.Replay(w.Context(), l.User, l.ID)
		w.must(ignoreNotBound(err))
	}
}

func (w *chaos) bind(user notify.UserID, openID notify.OpenID) {
	for other, o := range w.bound {
		if o == openID {
			w.bound[other] = ""
		}
	}
	w.bound[user] = openID
	w.bindTo(user, openID)
}

func (w *chaos) erase(user notify.UserID) {
	if w.bound[user] == "" || w.shared(w.bound[user], user) {
		return
	}
	if w.r.IntN(2) == 0 {
		w.must(w.Store.EraseUser(w.Context(), user))
	} else {
		w.must(w.Store.EraseOpenID(w.Context(), w.bound[user]))
	}
	w.bound[user] = ""
	w.known = slices.DeleteFunc(w.known, func(m notify.Message) bool { return m.To == user })
	w.calls = slices.DeleteFunc(w.calls, func(c twoNames) bool { return c[0].Users[0] == user })
}

// shared reports whether there are cards of another user at openID. They go with it, and
// with them what is known of their ends.
func (w *chaos) shared(openID notify.OpenID, user notify.UserID) bool {
	for entry := range w.dump() {
		_, card, ok := strings.Cut(entry, "}:c:"+string(openID)+" ")
		if ok && notify.CardID(card).User() != user {
			return true
		}
	}
	return false
}

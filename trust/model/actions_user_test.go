package model_test

import (
	"slices"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

// tap grants a permit of each template. WeChat tells of it, the mini program, or both.
func (w *system) tap() {
	o := pick(w, "openid", w.openIDs)
	if w.taps[o] == mostTaps {
		return
	}
	w.taps[o]++
	w.sleep(max(0, 5*time.Minute-w.now().Sub(w.tapped[o]))) // taps are told apart by their time
	w.tapped[o] = w.now()
	id := w.fresh("tap")
	if w.oneIn(4, "always keep") {
		w.tapTwice(o, id)
		return
	}
	for _, s := range pick(w, "sources", [][]fact.GrantSource{{fact.GrantPopup}, {fact.GrantReport}, {fact.GrantPopup, fact.GrantReport}}) {
		w.tell(fact.Fact{Grant: &fact.Grant{ID: id, OpenID: o, Source: s, At: w.tapped[o], Templates: w.templates.IDs()}})
	}
}

// tapTwice is a tap of which both tell, and soon one of which WeChat does not, because the user always
// keeps the choice. Told in order they are two permits, and not one with two reports.
func (w *system) tapTwice(o fact.OpenID, id string) {
	g := fact.Grant{ID: id, OpenID: o, At: w.now(), Templates: w.templates.IDs()}
	for _, s := range []fact.GrantSource{fact.GrantPopup, fact.GrantReport, fact.GrantReport} {
		if g.Source == s {
			w.sleep(30 * time.Second)
			w.tapped[o] = w.now()
			g.ID, g.At = w.fresh("tap"), w.now()
		}
		g.Source = s
		tap := g
		w.recording = passes
		w.must(w.instance().Accept(w.ctx, []fact.Fact{{Grant: &tap}}))
		w.told = append(w.told, toldFact{fact.Fact{Grant: &tap}, w.now()})
		w.look()
	}
}

// mostTaps keeps an account within the 20 entries that explain it.
const mostTaps = 8

func (w *system) revoke() {
	o := pick(w, "openid", w.openIDs)
	r := fact.Revoke{ID: w.fresh("revoke"), OpenID: o, At: w.now(), Templates: []fact.TemplateID{pick(w, "template", w.templates.IDs())}}
	if w.oneIn(2, "heard late") { // there was another tap since
		r.At = w.tapped[o].Add(-2 * time.Minute)
	}
	w.tell(fact.Fact{Revoke: &r})
}

// session binds a user to an openid. A login that stops half way is made again.
func (w *system) session() {
	w.bind(w.someone(), pick(w, "openid", w.openIDs))
}

func (w *system) bind(user fact.UserID, o fact.OpenID) {
	w.halfway(12, func() error { return w.storage.stores[0].Bind(w.ctx, user, o) })
	w.must(w.storage.stores[0].Bind(w.ctx, user, o))
	w.model.bind(user, o)
	w.look()
}

// halfway does something of that many round trips at most, and cuts it off after some of them; or not at all.
func (w *system) halfway(trips int, do func() error) {
	if !w.oneIn(4, "stops half way") {
		return
	}
	w.storage.cutAfter(w.n("after", trips))
	do()
	w.storage.cutAfter(-1)
}

func (w *system) erase() {
	if !w.oneIn(2, "really") {
		return
	}
	user, o := w.someone(), pick(w, "openid", w.openIDs)
	w.anyErased = true
	s := w.storage.stores[0]
	switch pick(w, "by", []string{"user", "openid", "WeChat"}) {
	case "user":
		w.halfway(24, func() error { return s.EraseUser(w.ctx, user) })
		w.must(ignore(s.EraseUser(w.ctx, user), store.ErrNotBound))
		w.model.eraseUser(user, w.now())
		w.look()
	case "openid":
		w.halfway(24, func() error { return s.EraseOpenID(w.ctx, o) })
		w.must(s.EraseOpenID(w.ctx, o))
		w.model.eraseOpenID(o, w.now())
		w.look()
	default:
		w.tell(fact.Fact{Erase: &fact.Erase{OpenID: o}})
	}
}

func (w *system) preferences() {
	user := w.someone()
	p := notify.Preferences{Muted: w.oneIn(4, "muted"), MutedPeers: []string{string(pick(w, "peer", []fact.UserID{"peer", w.users[0]}))}}
	if w.oneIn(6, "quiet") {
		p.QuietHours = "22:30-07:00"
	}
	err := w.storage.stores[0].SetPreferences(w.ctx, user, p)
	w.must(ignore(err, store.ErrNotBound))
	w.model.prefer(user, p)
	w.look()
}

// replay has an operator announce again what was given up.
func (w *system) replay() {
	letters, err := w.storage.stores[0].DeadLetters(w.ctx, 10)
	w.must(err)
	if len(letters) == 0 {
		return
	}
	slices.SortFunc(letters, func(a, b notify.DeadLetter) int { return strings.Compare(a.ID, b.ID) })
	l := letters[w.n("letter", len(letters))]
	for range 1 + w.n("again", 2) {
		_, err = w.storage.stores[0].Replay(w.ctx, l.User, l.ID)
		w.must(ignore(err, store.ErrNotBound))
		w.look()
	}
}

// report has WeChat tell of a card, or of one that is none of ours.
func (w *system) report() {
	if w.oneIn(8, "another's") {
		w.serial++
		w.foreign = true
		w.accept(fact.Fact{Sent: &fact.Sent{OpenID: pick(w, "openid", w.openIDs), MsgID: int64(w.serial), Template: w.templates.IDs()[0], At: w.now().Truncate(time.Second)}})
		return
	}
	if n := len(w.reports); n > 0 {
		r := w.reports[n-1-w.n("which", min(n, 3))]
		w.accept(fact.Fact{Sent: &r.Sent})
	}
}

// drawResult is what WeChat makes of the next card.
func (w *system) drawResult() result {
	if !w.healed.IsZero() {
		return result{shown: true}
	}
	l := result{shown: true, noID: w.oneIn(4, "no id"), blocked: w.oneIn(5, "blocked")}
	switch n := w.n("result", 30); {
	case n < 16:
	case n < 18:
		l.class, l.refused = card.ClassUnknown, true
	case n < 20:
		l.class, l.refused, l.shown = card.ClassUnknown, true, false
	default:
		l.class, l.refused, l.shown = classes[n-20], true, false
	}
	return l
}

// classes are what WeChat answers without showing the card.
var classes = []card.Class{card.ClassRetry, card.ClassRefused, card.ClassDefect, card.ClassMinute, card.ClassWording,
	card.ClassUnreached, card.ClassUnlisted, card.ClassUnknownOpenID, card.ClassTemplate, card.ClassQuota}

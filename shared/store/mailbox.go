package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// A recipient is one hash, which has these fields beside the version. A field that would be empty is
// left out.
const (
	fieldOpenID   = "o"
	fieldPresence = "on" // 1 online, 0 offline; a space; when, ms of IM's clock
	fieldAbsence  = "ab"
	fieldPrefers  = "p"
	fieldMessages = "m"
	fieldCalls    = "c"
	fieldSteps    = "s" // an entry of the timeline, see there
	fieldLetters  = "l" // 1 if there are dead letters
)

var mailboxFields = []string{fieldOpenID, fieldPresence, fieldAbsence, fieldPrefers, fieldMessages, fieldCalls, fieldSteps, fieldLetters}

// A waiting is a notify.Waiting as it is kept. Times are in ms.
type waiting struct {
	Notices   []notice   `json:"n"`
	Card      *begunCard `json:"c,omitempty"`
	Told      bool       `json:"td,omitempty"`
	Due       int64      `json:"u,omitempty"`
	Lease     string     `json:"l,omitempty"`
	LeaseEnd  int64      `json:"le,omitempty"`
	Wish      int64      `json:"d,omitempty"`
	NotBefore int64      `json:"h,omitempty"`
	Asked     int64      `json:"as,omitempty"`
	Attempts  int        `json:"at,omitempty"`
	Neutral   bool       `json:"ne,omitempty"`
	Seen      bool       `json:"rs,omitempty"`
	Blind     int64      `json:"b,omitempty"`
	Crowded   int64      `json:"cr,omitempty"`
}

type begunCard struct {
	ID       card.ID         `json:"i"`
	OpenID   fact.OpenID     `json:"o"`
	Template fact.TemplateID `json:"t"`
}

// A notice is a notify.WaitingNotice as it is kept.
type notice struct {
	ID           fact.Identity      `json:"i"`
	Kind         fact.Kind          `json:"k"`
	From         fact.UserID        `json:"p,omitempty"`
	Hash         string             `json:"h,omitempty"`
	Group        fact.GroupID       `json:"r,omitempty"`
	Sent         int64              `json:"t"` // s
	Seq          uint32             `json:"q,omitempty"`
	Text         string             `json:"x,omitempty"`
	Window       int64              `json:"w,omitempty"`
	Expires      int64              `json:"e,omitempty"`
	Announcement *fact.Announcement `json:"f,omitempty"`
	Card         card.ID            `json:"c,omitempty"`
	Ends         *noticeEnd         `json:"g,omitempty"`
}

type noticeEnd struct {
	State      fact.State  `json:"s"`
	Reason     fact.Reason `json:"r,omitempty"`
	Unanswered bool        `json:"m,omitempty"`
}

// An absence is a notify.Absence as it is kept.
type absence struct {
	Cards   int   `json:"n,omitempty"`
	Kept    int   `json:"k,omitempty"`
	Last    int64 `json:"t,omitempty"` // ms
	Counted bool  `json:"c,omitempty"`
}

// A loggedCall is a notify.LoggedCall as it is kept.
type loggedCall struct {
	Source fact.CallSource `json:"s,omitempty"`
	Caller string          `json:"p,omitempty"`
	Group  fact.GroupID    `json:"r,omitempty"`
	At     int64           `json:"at"` // ms
	Rung   bool            `json:"rung,omitempty"`
	Ended  *noticeEnd      `json:"end,omitempty"`
	Twin   bool            `json:"tw,omitempty"`
	Same   fact.Identity   `json:"same,omitempty"`
}

func encodeNotice(n notify.WaitingNotice) notice {
	out := notice{ID: n.ID, Kind: n.Kind, From: n.From, Hash: n.FromHash, Group: n.Group, Sent: n.SentAt.Unix(), Seq: n.Seq, Text: n.Summary,
		Window: unixMilli(n.WindowEnd), Expires: unixMilli(n.Expires), Announcement: n.Announcement, Card: n.Card}
	if n.Ends != nil {
		out.Ends = &noticeEnd{n.Ends.State, n.Ends.Reason, n.Ends.Unanswered}
	}
	return out
}

func (n notice) decode() notify.WaitingNotice {
	out := notify.WaitingNotice{FromHash: n.Hash, Card: n.Card, Notice: card.Notice{ID: n.ID, Kind: n.Kind, From: n.From, Group: n.Group,
		SentAt: time.Unix(n.Sent, 0).UTC(), Seq: n.Seq, Summary: n.Text, WindowEnd: millisOf(n.Window), Expires: millisOf(n.Expires),
		Announcement: n.Announcement}}
	if n.Ends != nil {
		out.Ends = &notify.NoticeEnd{State: n.Ends.State, Reason: n.Ends.Reason, Unanswered: n.Ends.Unanswered}
	}
	return out
}

func encodeNotices(notices []notify.WaitingNotice) []notice {
	out := make([]notice, len(notices))
	for i, n := range notices {
		out[i] = encodeNotice(n)
	}
	return out
}

func decodeNotices(notices []notice) []notify.WaitingNotice {
	out := make([]notify.WaitingNotice, len(notices))
	for i, n := range notices {
		out[i] = n.decode()
	}
	return out
}

// encodeWaiting returns a queue as it is kept; "" if nothing waits.
func encodeWaiting(w notify.Waiting) string {
	if len(w.Notices) == 0 {
		return ""
	}
	doc := waiting{Notices: encodeNotices(w.Notices), Due: unixMilli(w.Due), Lease: w.Lease, LeaseEnd: unixMilli(w.LeaseEnd), Wish: unixMilli(w.Wish), NotBefore: unixMilli(w.NotBefore),
		Asked: unixMilli(w.AskedSince), Attempts: w.Attempts, Neutral: w.Neutral, Seen: w.SeenSince, Blind: w.Blind.Milliseconds(), Crowded: unixMilli(w.Crowded)}
	if w.Card.ID != "" {
		doc.Card, doc.Told = &begunCard{w.Card.ID, w.Card.OpenID, w.Card.Template}, w.Told
	}
	return encoded(doc)
}

func decodeWaiting(s string) (w notify.Waiting, err error) {
	if s == "" {
		return w, nil
	}
	var doc waiting
	if err := json.Unmarshal([]byte(s), &doc); err != nil {
		return w, err
	}
	if len(doc.Notices) == 0 || slices.ContainsFunc(doc.Notices, func(n notice) bool { return n.ID == "" }) {
		return w, errors.New("a queue without notices, or a notice without an identity")
	}
	w = notify.Waiting{Notices: decodeNotices(doc.Notices), Due: timeOf(doc.Due), Lease: doc.Lease, LeaseEnd: timeOf(doc.LeaseEnd), Wish: timeOf(doc.Wish),
		NotBefore: timeOf(doc.NotBefore), SeenSince: doc.Seen, Blind: time.Duration(doc.Blind) * time.Millisecond, Crowded: timeOf(doc.Crowded),
		Carried: notify.Carried{AskedSince: timeOf(doc.Asked), Attempts: doc.Attempts, Neutral: doc.Neutral}}
	if doc.Card != nil {
		w.Card, w.Told = permit.OpenCard{ID: doc.Card.ID, OpenID: doc.Card.OpenID, Template: doc.Card.Template}, doc.Told
	}
	return w, nil
}

// encoded returns v as JSON.
func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs of ours
	}
	return string(b)
}

// encodeMailbox returns the fields of a recipient's hash, the version, the steps and the letters apart, in the order of
// mailboxFields.
func encodeMailbox(b *notify.Mailbox) []string {
	presence, away, prefers := "", "", ""
	if !b.KnownAt.IsZero() {
		presence = "0 " + strconv.FormatInt(b.KnownAt.UnixMilli(), 10)
		if b.Known == notify.StatusOnline {
			presence = "1" + presence[1:]
		}
	}
	if a := b.Absence; a != (notify.Absence{}) {
		away = encoded(absence{a.Cards, a.Kept, unixMilli(a.Last), a.Counted})
	}
	if p := b.Prefers; p.Muted || p.QuietHours != "" || len(p.MutedPeers) > 0 {
		prefers = encoded(preferences{p.Muted, p.QuietHours, p.MutedPeers})
	}
	return []string{string(b.OpenID), presence, away, prefers, encodeWaiting(b.Messages), encodeWaiting(b.Calls)}
}

func encodeLog(log map[fact.Identity]notify.LoggedCall) map[fact.Identity]loggedCall {
	out := make(map[fact.Identity]loggedCall, len(log))
	for id, c := range log {
		kept := loggedCall{Source: c.Source, Caller: c.Caller, Group: c.Group, At: c.At.UnixMilli(), Rung: c.Rung, Twin: c.Twin, Same: c.Same}
		if c.Ended.State != "" {
			kept.Ended = &noticeEnd{c.Ended.State, c.Ended.Reason, c.Ended.Unanswered}
		}
		out[id] = kept
	}
	return out
}

// decodeMailbox reads the fields of a recipient's hash, in the order of mailboxFields, into b. It
// returns which cannot be read, and why the first.
func decodeMailbox(b *notify.Mailbox, fields []string) (bad []string, err error) {
	b.OpenID = fact.OpenID(fields[0])
	steps := []func(string) error{
		func(s string) error { return decodePresence(b, s) },
		func(s string) error { return decodeAbsence(b, s) },
		func(s string) error { return decodePreferences(b, s) },
		func(s string) (err error) { b.Messages, err = decodeWaiting(s); return err },
		func(s string) (err error) { b.Calls, err = decodeWaiting(s); return err },
	}
	for i, decode := range steps {
		if s := fields[i+1]; s != "" {
			if e := decode(s); e != nil {
				bad, err = append(bad, mailboxFields[i+1]), cmp.Or(err, e)
			}
		}
	}
	return bad, err
}

func decodePresence(b *notify.Mailbox, s string) error {
	online, at, _ := strings.Cut(s, " ")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return err
	}
	b.Known, b.KnownAt = notify.StatusOffline, millisOf(ms)
	if online == "1" {
		b.Known = notify.StatusOnline
	}
	return nil
}

func decodeAbsence(b *notify.Mailbox, s string) error {
	var a absence
	if err := json.Unmarshal([]byte(s), &a); err != nil {
		return err
	}
	if a.Last == 0 {
		return errors.New("an absence without a time")
	}
	b.Absence = notify.Absence{Cards: a.Cards, Kept: a.Kept, Last: millisOf(a.Last), Counted: a.Counted}
	return nil
}

func decodePreferences(b *notify.Mailbox, s string) error {
	var p preferences
	err := json.Unmarshal([]byte(s), &p)
	b.Prefers = notify.Preferences{Muted: p.Muted, QuietHours: p.Quiet, MutedPeers: p.Peers}
	return err
}

func decodeLog(b *notify.Mailbox, s string) error {
	var log map[fact.Identity]loggedCall
	if err := json.Unmarshal([]byte(s), &log); err != nil {
		return err
	}
	b.Log = make(map[fact.Identity]notify.LoggedCall, len(log))
	for id, c := range log {
		call := notify.LoggedCall{Source: c.Source, Caller: c.Caller, Group: c.Group, At: millisOf(c.At), Rung: c.Rung, Twin: c.Twin, Same: c.Same}
		if c.Ended != nil {
			call.Ended = notify.NoticeEnd{State: c.Ended.State, Reason: c.Ended.Reason, Unanswered: c.Ended.Unanswered}
		}
		b.Log[id] = call
	}
	return nil
}

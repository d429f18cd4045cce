package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"wxnotify/shared/notify"
)

// watching is for how long after each look a run counts as watching: a little longer
// than a waiting run sleeps.
const watching = 5 * time.Second

type claimArgs struct {
	Limit int    `json:"limit"`
	Calls bool   `json:"calls"`
	Lease int64  `json:"lease"`
	Token string `json:"token"`
	Watch int64  `json:"watch"`
}

// Claim implements notify.Store. The limit is spread over the shards, which do not all
// have as much, at least one recipient each, and they are handed out in turn. A shard that fails does not
// keep the others from being served.
func (s *Store) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	return s.claim(ctx, limit, false)
}

// ClaimCalls implements notify.Store.
func (s *Store) ClaimCalls(ctx context.Context, limit int) (notify.Batch, error) {
	return s.claim(ctx, limit, true)
}

func (s *Store) claim(ctx context.Context, limit int, onlyCalls bool) (notify.Batch, error) {
	args := claimArgs{max(1, (limit+limit/2)/s.shards), onlyCalls, notify.Lease.Milliseconds(), rand.Text()[:16], watching.Milliseconds()}
	calls := make([]call, s.shards)
	for i := range calls {
		k := s.shardKeys(i)
		names := []string{k.waiting(), k.queue(), k.callsWaiting(), k.callsQueue(), k.watch(), k.spreadQueue(), k.overdue(), k.lease(args.Token)}
		if i == 0 {
			names = append(names, k.circuits(), k.gone())
		}
		calls[i] = call{scriptClaim, names, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return notify.Batch{}, err
	}
	var b notify.Batch
	var ringing, messages [][]notify.Recipient // of each shard
	for i, r := range replies {
		part, err := r.Slice()
		if err != nil || len(part) != 7 {
			continue // told below
		}
		if now := millis(text(part[0])); now.After(b.Now) {
			b.Now = now
		}
		ringing = append(ringing, claimed(part[1], notify.LaneCalls, s.shardKeys(i).callsWaiting(), &b.Skipped))
		messages = append(messages, claimed(part[2], notify.LaneMessages, s.shardKeys(i).waiting(), &b.Skipped))
		b.Spreads = b.Spreads || number(part[3]) > 0
		b.Overdue = b.Overdue || number(part[4]) > 0
		circuits, err := decodeCircuits(pairs(part[5]))
		b.Circuits, b.Skipped = append(b.Circuits, circuits...), errors.Join(b.Skipped, err)
		b.GoneInRow += int(number(part[6]))
	}
	b.Recipients = append(inTurn(ringing), inTurn(messages)...)
	if b.Now.IsZero() {
		return notify.Batch{}, failures(replies)
	}
	b.Skipped = errors.Join(b.Skipped, failures(replies))
	b.Unsafe = s.eviction(ctx)
	return b, nil
}

// inTurn returns one of each list, then the next of each: who is short of time serves the
// first ones, and no shard may always be the last.
func inTurn(lists [][]notify.Recipient) []notify.Recipient {
	var out []notify.Recipient
	for i := 0; ; i++ {
		before := len(out)
		for _, list := range lists {
			if i < len(list) {
				out = append(out, list[i])
			}
		}
		if len(out) == before {
			return out
		}
	}
}

// claimed reads users and their documents at a key, in turn. Those that cannot be read are told
// in skipped.
func claimed(reply any, lane notify.Lane, key string, skipped *error) []notify.Recipient {
	list, _ := reply.([]any)
	var recs []notify.Recipient
	for i := 0; i+1 < len(list); i += 2 {
		rec, err := decodeRecipient(notify.UserID(text(list[i])), []byte(text(list[i+1])))
		if err != nil {
			*skipped = errors.Join(*skipped, fmt.Errorf("store: Claim: %w: %s %v: %w", notify.ErrUnreadable, key, list[i], err))
			continue
		}
		rec.Lane = lane
		recs = append(recs, rec)
	}
	return recs
}

// pairs reads names and values, in turn.
func pairs(reply any) map[string]string {
	list, _ := reply.([]any)
	out := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		out[text(list[i])] = text(list[i+1])
	}
	return out
}

func text(v any) string  { s, _ := v.(string); return s }
func number(v any) int64 { n, _ := v.(int64); return n }

// document is what waits for a recipient, as lua/lib describes it.
type document struct {
	OpenID  notify.OpenID     `json:"o"`
	Online  *int              `json:"on"`
	Quiet   notify.QuietHours `json:"qh"`
	Absence *absence          `json:"ab"`
	Notices []notice          `json:"n"`
	Card    *struct {
		ID       notify.CardID     `json:"i"`
		OpenID   notify.OpenID     `json:"o"`
		Template notify.TemplateID `json:"t"`
	} `json:"c"`
	Lease    string  `json:"l"`
	Asked    float64 `json:"as"`
	Attempts int     `json:"at"`
	Neutral  int     `json:"ne"`
}

type notice struct {
	ID           notify.Identity `json:"i"`
	Kind         notify.Kind     `json:"k"`
	From         notify.UserID   `json:"p"`
	Group        notify.GroupID  `json:"r"`
	Sent         int64           `json:"t"`
	Seq          uint32          `json:"q"`
	Text         string          `json:"x"`
	Window       float64         `json:"w"`
	Expires      float64         `json:"e"`
	Announcement string          `json:"f"`
	Card         notify.CardID   `json:"c"`
}

// absence is a notify.Absence as documents keep it.
type absence struct {
	Cards   int     `json:"n"`
	Kept    int     `json:"k"`
	Last    float64 `json:"t"` // ms
	Counted int     `json:"c"`
}

func decodeRecipient(user notify.UserID, b []byte) (notify.Recipient, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return notify.Recipient{}, fmt.Errorf("document of a recipient: %w", err)
	}
	rec := notify.Recipient{User: user, OpenID: d.OpenID, Lease: d.Lease, Quiet: d.Quiet}
	rec.Attempts, rec.Neutral = d.Attempts, d.Neutral == 1
	if d.Asked > 0 {
		rec.AskedSince = millisOf(int64(d.Asked))
	}
	if d.Online != nil {
		rec.Known = notify.StatusOffline
		if *d.Online == 1 {
			rec.Known = notify.StatusOnline
		}
	}
	if a := d.Absence; a != nil {
		rec.Absence = notify.Absence{Cards: a.Cards, Kept: a.Kept, Counted: a.Counted == 1}
		if a.Last > 0 {
			rec.Absence.Last = millisOf(int64(a.Last))
		}
	}
	if d.Card != nil {
		rec.Open = &notify.OpenCard{ID: d.Card.ID, OpenID: d.Card.OpenID, Template: d.Card.Template}
	}
	for _, n := range d.Notices {
		notice, err := n.decode()
		if err != nil {
			return notify.Recipient{}, fmt.Errorf("document of a recipient: %w", err)
		}
		rec.Notices = append(rec.Notices, notice)
		if rec.Open != nil && n.Card == rec.Open.ID {
			rec.Open.Messages = append(rec.Open.Messages, n.ID)
		}
	}
	return rec, nil
}

func (n notice) decode() (notify.Notice, error) {
	out := notify.Notice{ID: n.ID, Kind: n.Kind, From: n.From, Group: n.Group, SentAt: time.Unix(n.Sent, 0).UTC(),
		Seq: n.Seq, Summary: n.Text, WindowEnd: millisOf(int64(n.Window)), Expires: millisOf(int64(n.Expires))}
	if n.Announcement == "" {
		return out, nil
	}
	out.Announcement = new(notify.Announcement)
	return out, json.Unmarshal([]byte(n.Announcement), out.Announcement)
}

type beginArgs struct {
	User     notify.UserID     `json:"user"`
	Token    string            `json:"token"`
	Card     notify.CardID     `json:"card"`
	Template notify.TemplateID `json:"template"`
	Messages []notify.Identity `json:"messages"`
	At       int64             `json:"at"`
}

// Begin implements notify.Store.
func (s *Store) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.Identity, error) {
	calls := make([]call, len(cards))
	for i, c := range cards {
		k := s.keysOf(string(c.User))
		waiting, _ := k.lane(c.Lane)
		calls[i] = call{scriptBegin, []string{waiting, k.timeline(c.User)},
			beginArgs{c.User, c.Lease, c.Card, c.Template, list(c.Messages), unixMilli(c.At)}}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, err
	}
	out := make([][]notify.Identity, len(cards))
	for i, r := range replies {
		ids, _ := r.StringSlice() // its error is told below
		for _, id := range ids {
			out[i] = append(out[i], notify.Identity(id))
		}
	}
	return out, failures(replies)
}

type finishArgs struct {
	User     notify.UserID      `json:"user"`
	Token    string             `json:"token"`
	Card     notify.CardID      `json:"card"`
	Final    []finalArgs        `json:"final"`
	Handed   []notify.Identity  `json:"handed"`
	Vain     []notify.Identity  `json:"vain"`
	Dead     string             `json:"dead"`
	Again    int64              `json:"again"` // ms; 0: now
	Hold     bool               `json:"hold"`
	Asked    int64              `json:"asked"` // ms; 0: IM answered
	Attempts int                `json:"attempts"`
	Neutral  bool               `json:"neutral"`
	Absence  notify.AbsenceStep `json:"absence"`
	Steps    []string           `json:"steps"`
	At       int64              `json:"at"` // ms, of the last step
	missedArgs
}

type finalArgs struct {
	State    notify.State      `json:"state"`
	Reason   notify.Reason     `json:"reason"`
	Messages []notify.Identity `json:"messages"`
}

// Finish implements notify.Store.
func (s *Store) Finish(ctx context.Context, rules notify.Rules, fs []notify.Finish) ([][]notify.Ended, error) {
	calls := make([]call, len(fs))
	for i, f := range fs {
		args, err := argsOf(rules, f)
		if err != nil {
			return nil, fmt.Errorf("store: Finish: %w", err)
		}
		k := s.keysOf(string(f.User))
		waiting, queue := k.lane(f.Lane)
		calls[i] = call{scriptFinish, []string{waiting, queue, k.timeline(f.User), k.counts(), k.recipient(f.User),
			k.letters(f.User), k.dead(), k.waiting(), k.queue()}, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, err
	}
	out := make([][]notify.Ended, len(fs))
	for i, r := range replies {
		part, _ := r.Slice() // its error is told below
		for j := 0; j+2 < len(part); j += 3 {
			out[i] = append(out[i], notify.Ended{State: notify.State(text(part[j])), Reason: notify.Reason(text(part[j+1])),
				Messages: int(number(part[j+2]))})
		}
	}
	return out, failures(replies)
}

func argsOf(rules notify.Rules, f notify.Finish) (finishArgs, error) {
	args := finishArgs{User: f.User, Token: f.Lease, Card: f.Card, Final: []finalArgs{}, Handed: list(f.Handed), Vain: list(f.Missed),
		Again: unixMilli(f.Again), Hold: f.Hold, Asked: unixMilli(f.AskedSince), Attempts: f.Attempts, Neutral: f.Neutral,
		Absence: f.Absence, Steps: []string{}, missedArgs: missedBy(rules)}
	for _, e := range f.Final {
		args.Final = append(args.Final, finalArgs{e.State, e.Reason, list(e.Messages)})
	}
	if f.Dead != nil {
		b, err := json.Marshal(letterOf(*f.Dead))
		if err != nil {
			return args, err
		}
		args.Dead = string(b)
	}
	for _, step := range f.Steps {
		b, err := json.Marshal(step)
		if err != nil {
			return args, err
		}
		args.Steps = append(args.Steps, string(b))
		args.At = step.At.UnixMilli()
	}
	return args, nil
}

type restArgs struct {
	Until int64 `json:"until"`
	Stop  bool  `json:"stop"`
}

// Rest implements notify.Store. It asks all shards before it stops watching any: a
// run that waits for one shard takes what comes in for the others too.
func (s *Store) Rest(ctx context.Context, until time.Time) (time.Time, error) {
	next, err := s.rest(ctx, restArgs{Until: until.UnixMilli()})
	if err != nil || !next.IsZero() {
		return next, err
	}
	return s.rest(ctx, restArgs{until.UnixMilli(), true})
}

func (s *Store) rest(ctx context.Context, args restArgs) (time.Time, error) {
	calls := make([]call, s.shards)
	for i := range calls {
		k := s.shardKeys(i)
		calls[i] = call{scriptRest, []string{k.queue(), k.callsQueue(), k.spreadQueue(), k.overdue(), k.watch()}, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return time.Time{}, err
	}
	var first time.Time
	failed := 0
	for _, r := range replies {
		if r.Err() != nil {
			failed++ // Claim has told of this shard
		}
		if due := millis(text(r.Val())); !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first = due
		}
	}
	if failed == len(replies) {
		return time.Time{}, failures(replies)
	}
	return first, nil
}

// millis reads a time in ms; "" is the zero time.
func millis(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return millisOf(n)
}

func millisOf(n int64) time.Time { return time.UnixMilli(n).UTC() }

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

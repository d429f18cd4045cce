package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// watching is for how long after each look a run counts as watching: a little longer
// than a waiting run sleeps.
const watching = 5 * time.Second

type claimArgs struct {
	Limit int    `json:"limit"`
	Lease int64  `json:"lease"`
	Token string `json:"token"`
	Watch int64  `json:"watch"`
}

// Claim implements notify.Store. The limit is spread over the shards, at least one
// recipient each. A shard that fails does not keep the others from being served.
func (s *Store) Claim(ctx context.Context, limit int) (notify.Batch, error) {
	token := rand.Text()[:16]
	args := claimArgs{max(1, limit/s.shards), notify.Lease.Milliseconds(), token, watching.Milliseconds()}
	calls := make([]call, s.shards)
	for i := range calls {
		k := shardKeys(i)
		calls[i] = call{scriptClaim, []string{k.waiting(), k.queue(), k.watch()}, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return notify.Batch{}, err
	}
	var b notify.Batch
	for _, r := range replies {
		part, err := r.StringSlice()
		if err != nil || len(part) == 0 {
			continue // told below
		}
		if now := millis(part[0]); now.After(b.Now) {
			b.Now = now
		}
		for i := 1; i+1 < len(part); i += 2 {
			rec, err := decodeRecipient(notify.UserID(part[i]), []byte(part[i+1]))
			if err != nil {
				b.Skipped = errors.Join(b.Skipped, fmt.Errorf("store: Claim: %w", err))
				continue
			}
			b.Recipients = append(b.Recipients, rec)
		}
	}
	if b.Now.IsZero() {
		return notify.Batch{}, failures(replies)
	}
	b.Skipped = errors.Join(b.Skipped, failures(replies))
	return b, nil
}

// document is what waits for a recipient, as lib.lua describes it.
type document struct {
	OpenID  notify.OpenID `json:"o"`
	Online  *int          `json:"on"`
	Notices []struct {
		ID     notify.MessageID `json:"i"`
		Peer   notify.UserID    `json:"p"`
		Sent   int64            `json:"t"`
		Seq    uint32           `json:"q"`
		Text   string           `json:"x"`
		Window float64          `json:"w"`
		Card   notify.CardID    `json:"c"`
	} `json:"n"`
	Card *struct {
		ID       notify.CardID     `json:"i"`
		OpenID   notify.OpenID     `json:"o"`
		Template notify.TemplateID `json:"t"`
	} `json:"c"`
	Lease    string  `json:"l"`
	Asked    float64 `json:"as"`
	Attempts int     `json:"at"`
	Neutral  int     `json:"ne"`
}

func decodeRecipient(user notify.UserID, b []byte) (notify.Recipient, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return notify.Recipient{}, fmt.Errorf("document of a recipient: %w", err)
	}
	rec := notify.Recipient{User: user, OpenID: d.OpenID, Lease: d.Lease}
	rec.Attempts, rec.Neutral = d.Attempts, d.Neutral == 1
	if d.Asked > 0 {
		rec.AskedSince = time.UnixMilli(int64(d.Asked)).UTC()
	}
	if d.Online != nil {
		rec.Known = notify.StatusOffline
		if *d.Online == 1 {
			rec.Known = notify.StatusOnline
		}
	}
	if d.Card != nil {
		rec.Open = &notify.OpenCard{ID: d.Card.ID, OpenID: d.Card.OpenID, Template: d.Card.Template}
	}
	for _, n := range d.Notices {
		rec.Notices = append(rec.Notices, notify.Notice{ID: n.ID, Peer: n.Peer, SentAt: time.Unix(n.Sent, 0).UTC(),
			Seq: n.Seq, Summary: n.Text, WindowEnd: time.UnixMilli(int64(n.Window)).UTC()})
		if rec.Open != nil && n.Card == rec.Open.ID {
			rec.Open.Messages = append(rec.Open.Messages, n.ID)
		}
	}
	return rec, nil
}

type beginArgs struct {
	User     notify.UserID      `json:"user"`
	Token    string             `json:"token"`
	Card     notify.CardID      `json:"card"`
	Template notify.TemplateID  `json:"template"`
	Messages []notify.MessageID `json:"messages"`
}

// Begin implements notify.Store.
func (s *Store) Begin(ctx context.Context, cards []notify.Begin) ([][]notify.MessageID, error) {
	calls := make([]call, len(cards))
	for i, c := range cards {
		k := s.keysOf(string(c.User))
		calls[i] = call{scriptBegin, []string{k.waiting(), k.timeline(c.User)},
			beginArgs{c.User, c.Lease, c.Card, c.Template, list(c.Messages)}}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, err
	}
	out := make([][]notify.MessageID, len(cards))
	for i, r := range replies {
		ids, _ := r.StringSlice() // its error is told below
		for _, id := range ids {
			out[i] = append(out[i], notify.MessageID(id))
		}
	}
	return out, failures(replies)
}

type finishArgs struct {
	User     notify.UserID `json:"user"`
	Token    string        `json:"token"`
	Card     notify.CardID `json:"card"`
	Final    []finalArgs   `json:"final"`
	Again    int64         `json:"again"` // ms; 0: now
	Hold     bool          `json:"hold"`
	Asked    int64         `json:"asked"` // ms; 0: IM answered
	Attempts int           `json:"attempts"`
	Neutral  bool          `json:"neutral"`
	Steps    []string      `json:"steps"`
	At       int64         `json:"at"` // ms, of the last step
}

type finalArgs struct {
	State    notify.State       `json:"state"`
	Reason   notify.Reason      `json:"reason"`
	Messages []notify.MessageID `json:"messages"`
}

// Finish implements notify.Store.
func (s *Store) Finish(ctx context.Context, fs []notify.Finish) ([][]notify.Ended, error) {
	calls := make([]call, len(fs))
	for i, f := range fs {
		args := finishArgs{User: f.User, Token: f.Lease, Card: f.Card, Final: []finalArgs{}, Again: unixMilli(f.Again),
			Hold: f.Hold, Asked: unixMilli(f.AskedSince), Attempts: f.Attempts, Neutral: f.Neutral, Steps: []string{}}
		for _, e := range f.Final {
			args.Final = append(args.Final, finalArgs{e.State, e.Reason, list(e.Messages)})
		}
		for _, step := range f.Steps {
			b, err := json.Marshal(step)
			if err != nil {
				return nil, fmt.Errorf("store: Finish: %w", err)
			}
			args.Steps = append(args.Steps, string(b))
			args.At = step.At.UnixMilli()
		}
		k := s.keysOf(string(f.User))
		calls[i] = call{scriptFinish, []string{k.waiting(), k.queue(), k.timeline(f.User), k.counts()}, args}
	}
	replies, err := s.each(ctx, calls)
	if err != nil {
		return nil, err
	}
	out := make([][]notify.Ended, len(fs))
	for i, r := range replies {
		part, _ := r.Slice() // its error is told below
		for j := 0; j+2 < len(part); j += 3 {
			state, _ := part[j].(string)
			reason, _ := part[j+1].(string)
			n, _ := part[j+2].(int64)
			out[i] = append(out[i], notify.Ended{State: notify.State(state), Reason: notify.Reason(reason), Messages: int(n)})
		}
	}
	return out, failures(replies)
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
		k := shardKeys(i)
		calls[i] = call{scriptRest, []string{k.queue(), k.watch()}, args}
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
		if due := millis(text(r)); !due.IsZero() && (first.IsZero() || due.Before(first)) {
			first = due
		}
	}
	if failed == len(replies) {
		return time.Time{}, failures(replies)
	}
	return first, nil
}

// text returns a reply that is a string.
func text(r *redis.Cmd) string {
	s, _ := r.Text()
	return s
}

// millis reads a time in ms; "" is the zero time.
func millis(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

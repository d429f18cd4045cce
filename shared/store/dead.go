package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

// letter is a notify.KeptLetter as it is kept.
type letter struct {
	OpenID   fact.OpenID     `json:"o"`
	Card     card.ID         `json:"c"`
	Kind     fact.Kind       `json:"k"`
	Template fact.TemplateID `json:"tm"`
	At       int64           `json:"at"` // ms
	Class    string          `json:"cl"`
	Cause    string          `json:"ca"`
	Notices  []notice        `json:"n"`
}

func encodeLetter(l notify.KeptLetter) letter {
	return letter{OpenID: l.OpenID, Card: l.Card, Kind: l.Kind, Template: l.Template, At: unixMilli(l.At),
		Class: l.Class, Cause: l.Cause, Notices: encodeNotices(l.Notices)}
}

func decodeLetter(user fact.UserID, id, v string) (notify.KeptLetter, error) {
	var l letter
	if err := json.Unmarshal([]byte(v), &l); err != nil {
		return notify.KeptLetter{}, err
	}
	if len(l.Notices) == 0 || slices.ContainsFunc(l.Notices, func(n notice) bool { return n.ID == "" }) {
		return notify.KeptLetter{}, errors.New("a letter without notices, or a notice without an identity")
	}
	d := notify.KeptLetter{Notices: decodeNotices(l.Notices), DeadLetter: notify.DeadLetter{ID: id, User: user, OpenID: l.OpenID, Card: l.Card,
		Kind: l.Kind, Template: l.Template, At: millisOf(l.At), Class: l.Class, Cause: l.Cause}}
	for _, n := range l.Notices {
		d.Messages = append(d.Messages, n.ID)
		if n.From != "" && !slices.Contains(d.From, n.From) {
			d.From = append(d.From, n.From)
		}
	}
	return d, nil
}

// DeadLetters returns up to limit of the cards that were given up, newest first, in two trips. They are kept for
// 30 days, and 30 of a user at most. Of more than limit users those are looked at whose letters changed last.
func (s *Store) DeadLetters(ctx context.Context, limit int) ([]notify.DeadLetter, error) {
	who, err := s.all(ctx, s.ofEachShard(func(k keys) command { return do("ZREVRANGE", k.dead(), 0, limit-1, "WITHSCORES") })...)
	if err != nil {
		return nil, err
	}
	var list []Due
	for _, shard := range who {
		for pair := range slices.Chunk(texts(shard), 2) {
			list = append(list, Due{User: fact.UserID(pair[0]), At: scoreOf(pair[1])})
		}
	}
	slices.SortFunc(list, func(x, y Due) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.User, y.User)) })
	var users []fact.UserID
	var reads []command
	for _, d := range list[:min(len(list), limit)] {
		users, reads = append(users, d.User), append(reads, do("HGETALL", s.keysOf(string(d.User)).letters(d.User)))
	}
	letters, err := s.all(ctx, reads...)
	if err != nil {
		return nil, err
	}
	var out []notify.DeadLetter
	for i, user := range users {
		for id, v := range pairs(letters[i]) {
			l, err := decodeLetter(user, id, v)
			if err != nil {
				return nil, fmt.Errorf("store: DeadLetters: %w", err)
			}
			out = append(out, l.DeadLetter)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) < 0
	})
	return out[:min(len(out), limit)], nil
}

// Replay has the notices of a dead letter wait again, as if they had just come in; a
// card of theirs needs a permit like any other. Those that were read or muted since end so. The
// letter is gone then, but for notices for which there is no room beside what waits. ErrNotBound
// if the user is bound to nobody now.
func (s *Store) Replay(ctx context.Context, user fact.UserID, id string) (notify.Replayed, error) {
	var out notify.Replayed
	bound := false
	v := visitTo(user, func(b *notify.Mailbox) {
		known := slices.ContainsFunc(b.Letters, func(l notify.KeptLetter) bool { return l.ID == id })
		bound = b.Bound() || !known
		out.Messages = b.Replay(id)
	})
	v.allLetters, v.allRead = true, true
	visits := []*visit{v}
	b := batch{changes: s.visitChanges(visits), wakes: func() bool { return soonDue(visits) }}
	if err := s.commitBatch(ctx, &b); err != nil {
		return notify.Replayed{}, err
	}
	if !bound {
		return notify.Replayed{}, ErrNotBound
	}
	out.Wake = b.woken
	return out, nil
}

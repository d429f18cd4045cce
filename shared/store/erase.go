package store

import (
	"context"
	"errors"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
)

// EraseUser forgets user and their subscriber: binding, permits, cards, timeline and
// what waits; their name in what waits for others, and their cards at openids that they had
// before. If very much waits for others, a run of deliver takes the name out of the rest, within
// minutes. Without a binding it forgets what is left of the user and returns ErrNotBound. It is safe to repeat, also after it stopped half way: the record that
// leads to the other one goes last.
func (s *Store) EraseUser(ctx context.Context, user fact.UserID) error {
	openID, err := s.boundTo(ctx, user)
	if err != nil {
		return err
	}
	if err := s.forgetElsewhere(ctx, user); err != nil {
		return err
	}
	if openID != "" {
		if err := s.eraseSubscriber(ctx, openID, user); err != nil {
			return err
		}
	}
	if err := s.eraseRecipient(ctx, user, openID); err != nil {
		return err
	}
	if err := s.forgetSender(ctx, user); err != nil {
		return err
	}
	if openID == "" {
		return ErrNotBound
	}
	return nil
}

// EraseOpenID is like EraseUser, for whoever openID is bound to.
func (s *Store) EraseOpenID(ctx context.Context, openID fact.OpenID) error {
	return s.erase(ctx, fact.Erase{OpenID: openID})
}

// erase does what e asks, unless the openid was bound later than that.
func (s *Store) erase(ctx context.Context, e fact.Erase) error {
	openID := e.OpenID
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return err
	}
	if sub.User != "" && !e.At.IsZero() && e.At.Unix() < sub.Since.Unix() {
		return nil
	}
	elsewhere := false
	if sub.User != "" {
		if elsewhere, err = s.isErasedWith(ctx, sub.User, openID); err != nil {
			return err
		}
		if err := s.endCards(ctx, openID, ""); err != nil {
			return err
		}
		if err := s.eraseRecipient(ctx, sub.User, openID); err != nil {
			return err
		}
	}
	if err := s.eraseSubscriber(ctx, openID, sub.User); err != nil || !elsewhere {
		return err
	}
	return s.forgetSender(ctx, sub.User)
}

// forgetElsewhere begins to forget what there is of a user outside their own records and those of their openid, and forgets their
// cards at openids that they had before. The cards come before the recipient: what they carry ends once.
func (s *Store) forgetElsewhere(ctx context.Context, user fact.UserID) error {
	if err := s.beginForgetting(ctx, user); err != nil {
		return err
	}
	return s.eraseCards(ctx, user)
}

// isErasedWith reports whether user, whose cards go to openID, or to nobody, is being erased with it, and begins with that. One who has
// logged in with another since is not being erased.
func (s *Store) isErasedWith(ctx context.Context, user fact.UserID, openID fact.OpenID) (bool, error) {
	bound, err := s.boundTo(ctx, user)
	if err != nil || bound != "" && bound != openID {
		return false, err
	}
	return true, s.forgetElsewhere(ctx, user)
}

// eraseCards forgets the cards of user at openids that they had before.
func (s *Store) eraseCards(ctx context.Context, user fact.UserID) error {
	moved, err := s.all(ctx, s.ofEachShard(func(k keys) command { return do("ZRANGE", k.moved(), 0, -1) })...)
	if err != nil {
		return err
	}
	for _, openIDs := range moved {
		for _, openID := range texts(openIDs) {
			if err := s.endCards(ctx, fact.OpenID(openID), user); err != nil {
				return err
			}
		}
	}
	return nil
}

// endCards ends what is not known yet of the cards of openID: all of them, or if user is given
// those that they got, which then are forgotten.
func (s *Store) endCards(ctx context.Context, openID fact.OpenID, user fact.UserID) error {
	for range mostRounds {
		var ids []card.ID
		err := s.commitOne(ctx, s.ofSubscriber(openID, func(sub *permit.Subscriber, now time.Time) (err error) {
			ids, err = sub.EndCards(user, now)
			return err
		}))
		if err != nil || len(ids) == 0 {
			return err
		}
		cards := make([]cardOf, len(ids))
		for i, id := range ids {
			cards[i] = cardOf{openID, id}
		}
		ends, err := s.outgoing(ctx, cards)
		if err != nil {
			return err
		}
		if _, err := s.applyEnds(ctx, ends); err != nil {
			return err
		}
	}
	return errCardsComeIn
}

var errCardsComeIn = errors.New("store: cards of an openid end faster than that can be told; erase again")

// eraseSubscriber forgets an openid that is user's, or nobody's.
func (s *Store) eraseSubscriber(ctx context.Context, openID fact.OpenID, user fact.UserID) error {
	for range mostRounds {
		done := false
		err := s.commitOne(ctx, s.ofSubscriber(openID, func(sub *permit.Subscriber, now time.Time) (err error) {
			done, err = sub.Erase(user, now)
			return err
		}))
		if err != nil || done {
			return err
		}
		if err := s.endCards(ctx, openID, ""); err != nil {
			return err
		}
	}
	return errCardsComeIn
}

// eraseRecipient forgets a user, if their cards go to openID or to nobody: first all of theirs and the
// binding, so that nothing more is marked, then by the marks what the index has of them.
func (s *Store) eraseRecipient(ctx context.Context, user fact.UserID, openID fact.OpenID) error {
	gone := false
	v := visitTo(user, func(b *notify.Mailbox) { b.Erase(openID); gone = b.Deleted })
	v.anyway = true
	if err := s.visit(ctx, v); err != nil || !gone {
		return err
	}
	k, today := s.keysOf(string(user)), day(s.now())
	for d := today - 2; d <= today+1; d++ {
		if err := s.forgetMarks(ctx, k, user, d); err != nil {
			return err
		}
	}
	return nil
}

// deletion returns what takes away all of a recipient's own, but for the marks: there may be many.
func (v visiting) deletion(record string) []command {
	user := string(v.user)
	return []command{
		do("DEL", record),
		do("DEL", v.ringLog(v.user)), do("DEL", v.timeline(v.user)), do("DEL", v.reads(v.user)),
		do("DEL", v.letters(v.user)), do("DEL", v.name(user)),
		do("ZREM", v.queue(), user), do("ZREM", v.callsQueue(), user), do("ZREM", v.dead(), user),
	}
}

// forgetMarks takes away a user's marks of a day, each after what it leads to in the index.
func (s *Store) forgetMarks(ctx context.Context, k keys, user fact.UserID, day int64) error {
	return s.eachIn(ctx, "HSCAN", k.marks(user, day), func(marks []string) error {
		if len(marks) == 0 {
			return nil
		}
		members := make([]any, len(marks))
		for i, mark := range marks {
			members[i] = mark[:min(len(mark), fieldLen)] + string(user)
		}
		var gone []command
		for q := 4 * day; q < 4*(day+1); q++ {
			gone = append(gone, do("ZREM", k.index(q), members...))
		}
		_, err := s.all(ctx, append(gone, do("HDEL", k.marks(user, day), anys(marks)...))...)
		return err
	})
}

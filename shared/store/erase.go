package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wxnotify/shared/notify"
)

// EraseUser forgets user and their subscriber: binding, permits, cards, timeline and
// what waits; their name in what others were sent, and their cards at openids that they had
// before. Without a binding it forgets what is left of the user and returns
// ErrNotBound. It is safe to repeat, also after it stopped half way: the record that
// leads to the other one goes last.
func (s *Store) EraseUser(ctx context.Context, user notify.UserID) error {
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
	if openID == "" {
		return ErrNotBound
	}
	return nil
}

// EraseOpenID is like EraseUser, for whoever openID is bound to.
func (s *Store) EraseOpenID(ctx context.Context, openID notify.OpenID) error {
	return s.erase(ctx, notify.Erase{OpenID: openID})
}

// erase does what e asks, unless the openid was bound later than that.
func (s *Store) erase(ctx context.Context, e notify.Erase) error {
	openID := e.OpenID
	sub, err := s.subscriber(ctx, openID)
	if err != nil {
		return err
	}
	if sub.User != "" && !e.At.IsZero() && e.At.Unix() < sub.Since.Unix() {
		return nil
	}
	if sub.User != "" {
		if err := s.forgetIfBound(ctx, sub.User, openID); err != nil {
			return err
		}
		if err := s.endCards(ctx, openID, ""); err != nil {
			return err
		}
		if err := s.eraseRecipient(ctx, sub.User, openID); err != nil {
			return err
		}
	}
	return s.eraseSubscriber(ctx, openID, sub.User)
}

// forgetElsewhere forgets what there is of a user outside their own records and those of their
// openid: their name in what others were sent, and their cards at openids that they had before. The
// cards come before the recipient: what they carry ends once.
func (s *Store) forgetElsewhere(ctx context.Context, user notify.UserID) error {
	if err := s.forgetSender(ctx, user); err != nil {
		return err
	}
	return s.eraseCards(ctx, user)
}

// forgetIfBound is forgetElsewhere for a user whose cards go to openID, or to nobody. A user who
// has logged in with another since is not being erased.
func (s *Store) forgetIfBound(ctx context.Context, user notify.UserID, openID notify.OpenID) error {
	bound, err := s.boundTo(ctx, user)
	if err != nil || bound != "" && bound != openID {
		return err
	}
	return s.forgetElsewhere(ctx, user)
}

// eraseCards forgets the cards of user at openids that they had before.
func (s *Store) eraseCards(ctx context.Context, user notify.UserID) error {
	pipe := s.db.Pipeline()
	moved := make([]*redis.StringSliceCmd, s.shards)
	for i := range moved {
		moved[i] = pipe.ZRange(ctx, s.shardKeys(i).moved(), 0, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, openIDs := range moved {
		for _, openID := range openIDs.Val() {
			if err := s.endCards(ctx, notify.OpenID(openID), user); err != nil {
				return err
			}
		}
	}
	return nil
}

// endCards ends what is not known yet of the cards of openID: all of them, or if user is given
// those that he got, which then are forgotten.
func (s *Store) endCards(ctx context.Context, openID notify.OpenID, user notify.UserID) error {
	for range mostRounds {
		var ids []notify.CardID
		err := s.commitOne(ctx, s.ofSubscriber(openID, func(sub *notify.SubscriberRecord, now time.Time) (err error) {
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
		ends, err := s.conclude(ctx, cards)
		if err != nil {
			return err
		}
		if _, err := s.tell(ctx, ends); err != nil {
			return err
		}
	}
	return errCardsComeIn
}

var errCardsComeIn = errors.New("store: cards of an openid end faster than that can be told; erase again")

// eraseSubscriber forgets an openid that is user's, or nobody's.
func (s *Store) eraseSubscriber(ctx context.Context, openID notify.OpenID, user notify.UserID) error {
	for range mostRounds {
		done := false
		err := s.commitOne(ctx, s.ofSubscriber(openID, func(sub *notify.SubscriberRecord, now time.Time) (err error) {
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

// eraseRecipient forgets a user, if their cards go to openID or to nobody: first what leads others to
// their name, then what is theirs, the binding last.
func (s *Store) eraseRecipient(ctx context.Context, user notify.UserID, openID notify.OpenID) error {
	k, today := s.keysOf(string(user)), day(s.now())
	bound, err := s.boundTo(ctx, user)
	if err != nil || bound != "" && bound != openID {
		return err
	}
	if err := s.forgetIndex(ctx, k, user, today); err != nil {
		return err
	}
	v := visitTo(user, func(b *notify.Mailbox) { b.Erase(openID) })
	v.anyway = true
	if err := s.visit(ctx, v); err != nil {
		return err
	}
	pipe := s.db.Pipeline()
	for d := today - 2; d <= today+1; d++ {
		pipe.Del(ctx, k.marks(user, d))
	}
	pipe.Del(ctx, k.ringLog(user))
	pipe.Del(ctx, k.timeline(user))
	pipe.Del(ctx, k.reads(user))
	pipe.Del(ctx, k.letters(user))
	pipe.Del(ctx, k.name(string(user)))
	pipe.ZRem(ctx, k.dead(), string(user))
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// forgetIndex takes a user out of the index, where their marks say that they are.
func (s *Store) forgetIndex(ctx context.Context, k keys, user notify.UserID, today int64) error {
	pipe := s.db.Pipeline()
	var marks []*redis.StringSliceCmd
	for d := today - 2; d <= today+1; d++ {
		marks = append(marks, pipe.HKeys(ctx, k.marks(user, d)))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	del := s.db.Pipeline()
	for i, kept := range marks {
		for _, mark := range kept.Val() {
			for q := range int64(4) {
				del.ZRem(ctx, k.index(4*(today-2+int64(i))+q), mark[:min(len(mark), fieldLen)]+string(user))
			}
		}
	}
	if del.Len() == 0 {
		return nil
	}
	if _, err := del.Exec(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

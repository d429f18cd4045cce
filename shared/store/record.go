package store

import (
	"context"
	"time"

	"wxnotify/shared/notify"
)

// soon is how far ahead a due time is worth a wake: what is due later is seen by the
// timer's next run.
const soon = 60 * time.Second

// maxWaiting bounds what waits for one recipient.
const maxWaiting = 500

// pairWithin is how far apart popup and report of one tap may be.
const pairWithin = 2 * time.Minute

// Record implements notify.Recorder.
func (s *Store) Record(ctx context.Context, rules notify.Rules, facts []notify.Fact) (wake bool, err error) {
	var calls []call
	var erase []notify.OpenID
	for _, f := range facts {
		switch {
		case f.Message != nil:
			calls = append(calls, s.message(rules, *f.Message))
			if m := f.Message; !m.ByREST && m.FailedCode == 0 {
				calls = append(calls, s.read(m.From, m.To, m.SentAt, notify.ReasonOwnReply, false))
			}
		case f.Read != nil:
			calls = append(calls, s.read(f.Read.Reader, f.Read.Peer, f.Read.UpTo, notify.ReasonReadReport, true))
		case f.Recall != nil:
			calls = append(calls, s.recall(*f.Recall))
		case f.Presence != nil:
			calls = append(calls, s.presence(rules, *f.Presence))
		case f.Grant != nil:
			calls = append(calls, s.grant(*f.Grant))
		case f.Revoke != nil:
			calls = append(calls, s.revoke(*f.Revoke))
		case f.Erase != nil:
			erase = append(erase, f.Erase.OpenID)
		}
	}
	if len(calls) > 0 {
		replies, err := s.run(ctx, calls...)
		if err != nil {
			return false, err
		}
		for _, r := range replies {
			if n, _ := r.Int(); n == 1 {
				wake = true
			}
		}
	}
	for _, openID := range erase {
		if err := s.EraseOpenID(ctx, openID); err != nil {
			return wake, err
		}
	}
	return wake, nil
}

type messageArgs struct {
	User      notify.UserID    `json:"user"`
	ID        notify.MessageID `json:"id"`
	Mark      string           `json:"mark"`
	From      notify.UserID    `json:"from"`
	Sent      int64            `json:"sent"`
	Seq       uint32           `json:"seq"`
	Text      string           `json:"text"`
	Failed    int              `json:"failed"`
	Uncounted notify.Reason    `json:"uncounted"`
	TTL       int64            `json:"ttl"`
	Lead      int64            `json:"lead"`
	Blind     int64            `json:"blind"`
	Soon      int64            `json:"soon"`
	Most      int              `json:"most"`
}

func (s *Store) message(rules notify.Rules, m notify.Message) call {
	k, today := s.keysOf(string(m.To)), day(s.clock())
	return call{scriptMessage,
		[]string{k.recipient(m.To), k.waiting(), k.queue(), k.marks(m.To, today), k.marks(m.To, today-1), k.marks(m.To, today+1),
			k.timeline(m.To), k.reads(m.To), k.watch(), k.counts()},
		messageArgs{
			User: m.To, ID: m.ID, Mark: markOf(m.From, m.To, m.ID), From: m.From, Sent: m.SentAt.Unix(), Seq: m.Seq,
			Text: m.Summary, Failed: m.FailedCode, Uncounted: m.Uncounted, TTL: rules.TTL.Milliseconds(),
			Lead: rules.Lead.Milliseconds(), Blind: rules.BlindWindow.Milliseconds(),
			Soon: soon.Milliseconds(), Most: maxWaiting,
		}}
}

type readArgs struct {
	User   notify.UserID `json:"user"`
	Peer   notify.UserID `json:"peer"`
	UpTo   int64         `json:"upto"`
	Reason notify.Reason `json:"reason"`
	Keep   bool          `json:"keep"`
}

// read makes reader have read what peer sent up to upTo. A report holds for messages
// that are recorded later, too. A reply does not: what the peer writes in the second
// of the reply may be the answer to it.
func (s *Store) read(reader, peer notify.UserID, upTo time.Time, why notify.Reason, report bool) call {
	k := s.keysOf(string(reader))
	return call{scriptRead,
		[]string{k.recipient(reader), k.waiting(), k.queue(), k.timeline(reader), k.reads(reader), k.counts()},
		readArgs{reader, peer, upTo.Unix(), why, report}}
}

type recallArgs struct {
	User notify.UserID    `json:"user"`
	From notify.UserID    `json:"from"`
	ID   notify.MessageID `json:"id"`
	Mark string           `json:"mark"`
}

func (s *Store) recall(r notify.Recall) call {
	k, today := s.keysOf(string(r.To)), day(s.clock())
	return call{scriptRecall,
		[]string{k.recipient(r.To), k.waiting(), k.queue(), k.marks(r.To, today), k.marks(r.To, today-1), k.marks(r.To, today+1),
			k.timeline(r.To), k.counts()},
		recallArgs{r.To, r.From, r.ID, markOf(r.From, r.To, r.ID)}}
}

type presenceArgs struct {
	User   notify.UserID `json:"user"`
	Online bool          `json:"online"`
	At     int64         `json:"at"`
	Blind  int64         `json:"blind"`
	Grace  int64         `json:"grace"`
	Soon   int64         `json:"soon"`
}

func (s *Store) presence(rules notify.Rules, p notify.Presence) call {
	k := s.keysOf(string(p.User))
	return call{scriptPresence,
		[]string{k.recipient(p.User), k.waiting(), k.queue(), k.timeline(p.User), k.watch()},
		presenceArgs{p.User, p.Online, p.At.UnixMilli(), rules.BlindWindow.Milliseconds(),
			rules.Grace.Milliseconds(), soon.Milliseconds()}}
}

type grantArgs struct {
	ID        string              `json:"id"`
	Source    notify.GrantSource  `json:"source"`
	At        int64               `json:"at"`
	Templates []notify.TemplateID `json:"templates"`
	Pair      int64               `json:"pair"`
}

func (s *Store) grant(g notify.Grant) call {
	k := s.keysOf(string(g.OpenID))
	return call{scriptGrant,
		[]string{k.subscriber(g.OpenID), k.grants(g.OpenID), k.erased(g.OpenID)},
		grantArgs{digest(string(g.Source), g.ID), g.Source, g.At.UnixMilli(), list(g.Templates), pairWithin.Milliseconds()}}
}

type revokeArgs struct {
	ID        string              `json:"id"`
	At        int64               `json:"at"`
	Templates []notify.TemplateID `json:"templates"`
}

func (s *Store) revoke(r notify.Revoke) call {
	k := s.keysOf(string(r.OpenID))
	return call{scriptRevoke,
		[]string{k.subscriber(r.OpenID), k.grants(r.OpenID)},
		revokeArgs{digest("revoke", r.ID), r.At.UnixMilli(), list(r.Templates)}}
}

// markOf is a message's name among the marks of its recipient.
func markOf(from, to notify.UserID, id notify.MessageID) string {
	return digest(string(from), string(to), string(id))
}

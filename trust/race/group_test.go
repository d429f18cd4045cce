package race_test

import (
	"time"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
	"wxnotify/trust"
)

var groupRaces = []race{
	{"a group's messages are spread by all", spreads},
	{"a group's message is taken back while all spread it", spreadAgainstRecall},
}

// team makes a group of bound members, each with permits.
func (p *platform) team(members int) (fact.GroupID, []fact.UserID) {
	group := fact.GroupID(p.fresh("@TGS#"))
	if p.groups == nil {
		p.groups = map[fact.GroupID][]notify.Member{}
	}
	var users []fact.UserID
	for range members {
		user, _ := p.subscriber(3)
		users = append(users, user)
		p.groups[group] = append(p.groups[group], notify.Member{User: user})
	}
	return group, users
}

func (p *platform) toTeam(group fact.GroupID, seq uint32) fact.GroupMessage {
	return fact.GroupMessage{Group: group, Type: fact.GroupPublic, From: "somebody", SentAt: p.clock().Truncate(time.Second), Seq: seq,
		For: fact.GroupAll, ByREST: true}
}

// Each member is told of each message once, whoever spreads which page.
func spreads(s *system) {
	for range max(1, s.rounds()/4) {
		p := s.platform()
		group, users := p.team(3*page + 1)
		first, second := p.toTeam(group, 1), p.toTeam(group, 2)
		s.meet(func(i int, st *store.Store) error {
			// All hear of both, and spread what they find.
			if _, err := st.Record(s.Context(), s.rules, []fact.Fact{{GroupMessage: &first}, {GroupMessage: &second}}); err != nil {
				return err
			}
			_, err := p.deliverer(st).Pass(s.Context())
			return err
		})
		p.run()
		var facts []fact.Fact
		for _, u := range users {
			for _, m := range []fact.GroupMessage{first, second} {
				facts = append(facts, fact.Fact{Message: &fact.Message{ID: m.ID(), To: u}})
			}
		}
		p.toldOnce(facts...)
		p.endedOnce(facts...)
	}
}

// What was taken back before a card was reserved is not told, and what came to a member ends.
func spreadAgainstRecall(s *system) {
	for range max(1, s.rounds()/4) {
		p := s.platform()
		group, users := p.team(page + 1)
		m := p.toTeam(group, 1)
		s.meet(func(i int, st *store.Store) error {
			if i%2 == 1 {
				_, err := st.Record(s.Context(), s.rules, []fact.Fact{{GroupRecall: &fact.GroupRecall{Group: group, Seqs: []uint32{1}}}})
				return err
			}
			if _, err := st.Record(s.Context(), s.rules, []fact.Fact{{GroupMessage: &m}}); err != nil {
				return err
			}
			_, err := p.deliverer(st).Pass(s.Context())
			return err
		})
		s.advance(s.rules.Lead)
		p.run()
		for _, u := range users {
			if n := p.told[string(u)+" "+string(m.ID())]; n > 0 {
				trust.Broken(s, trust.Violated, "%s was told of a message that was taken back before", u)
			}
			if n := len(s.ends(u)[m.ID()]); n > 1 {
				trust.Broken(s, trust.Violated, "the message ended %d times for %s", n, u)
			}
		}
	}
}

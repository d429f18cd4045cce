package soak_test

import (
	"encoding/json"
	"strconv"
	"strings"

	"wxnotify/shared/fact"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
	"wxnotify/trust"
	"wxnotify/trust/fixture"
)

// checkMessages wants every message to somebody who stayed to have one end, and WeChat to have
// shown no more of them than were told.
func (w *system) checkMessages() {
	w.Helper()
	all, told, gaps := 0, 0, 0
	for _, c := range w.people {
		told += w.checkCards(c)
		if c.leaves || c.gap {
			gaps++
			continue
		}
		for id, what := range c.sent {
			all++
			if len(c.ends[id]) == 0 {
				trust.Broken(w, trust.Lost, "%s %s to user %d has no end", what, id, c.number)
			}
		}
		for id, ends := range c.ends {
			if n := len(ends) - corrections(ends); n > 1 {
				trust.Broken(w, trust.Violated, "message %s to user %d ended %d times: %q", id, c.number, n, ends)
			}
		}
	}
	w.Logf("%d messages to people who stayed, cards with %d messages in all, %d people were erased or too busy to follow", all, told, gaps)
	if gaps > len(w.people)/2 || told == 0 {
		w.Error("too little is left to check")
	}
}

// corrections counts the ends that took the place of another: WeChat's report corrects one, and
// what was given up ends as it would have while its letter is kept. There is one of each at most.
func corrections(ends []string) int {
	reported, dead := 0, 0
	for i, e := range ends {
		if i > 0 && strings.HasSuffix(e, " "+string(fact.ReasonReported)) {
			reported = 1
		}
		if i < len(ends)-1 && strings.HasPrefix(e, string(fact.StateDead)+" ") {
			dead = 1
		}
	}
	return reported + dead
}

// checkCards wants what a user's phone shows to be told once, and returns of how many messages
// their cards tell.
func (w *system) checkCards(c *user) (told int) {
	w.Helper()
	seen := map[string]bool{}
	for _, card := range w.sim.WeChat.Cards(c.OpenID) {
		n, err := strconv.Atoi(card.Value("number3"))
		if err != nil {
			continue // a call's
		}
		told += n
		text := card.Value("thing2")
		if strings.HasPrefix(text, "said ") && seen[text] {
			trust.Broken(w, trust.Doubled, "user %d is shown %q twice", c.number, text)
		}
		seen[text] = true
	}
	ended := 0
	for _, ends := range c.ends {
		for _, e := range ends {
			state, _, _ := strings.Cut(e, " ")
			if state == string(fact.StateDelivered) || state == string(fact.StateUnknown) || state == string(fact.StateRefused) {
				ended++
				break
			}
		}
	}
	if !c.leaves && !c.gap && told > ended {
		trust.Broken(w, trust.Doubled, "cards tell user %d of %d messages, and only %d were told", c.number, told, ended)
	}
	return told
}

// checkAccounts wants the permits of everybody to add up: given = spent + left, none held; and
// never more cards than permits.
func (w *system) checkAccounts() {
	w.Helper()
	exact := 0
	for _, c := range w.people {
		accounts, err := store.Accounts(w.Context(), w.store, fact.OpenID(c.OpenID))
		w.Must(err)
		spent := w.spent(c)
		for _, t := range []fact.TemplateID{fixture.Message, fixture.Call} {
			a := accounts[t]
			if !fixture.AddsUp(a) || a.Held != 0 || a.Balance < 0 {
				trust.Broken(w, trust.Violated, "the account of user %d does not add up: %+v", c.number, a)
			}
			if c.restless {
				continue
			}
			exact++
			if given := c.taps[string(t)]; given != spent[t]+a.Balance {
				trust.Broken(w, trust.Violated, "user %d was given %d permits, has spent %d and has %d left: %+v", c.number, given, spent[t], a.Balance, a)
			}
			if left := w.sim.WeChat.Permits(c.OpenID, string(t)); a.Balance > left {
				trust.Broken(w, trust.Violated, "user %d has %d permits, and WeChat knows of %d", c.number, a.Balance, left)
			}
			if a.Drift != 0 {
				trust.Broken(w, trust.Violated, "WeChat lacked %d permits of user %d", a.Drift, c.number)
			}
		}
	}
	if exact == 0 {
		w.Error("nobody's account was told exactly")
	}
}

// spent counts a user's cards that were paid for, by template.
func (w *system) spent(c *user) map[fact.TemplateID]int {
	w.Helper()
	cards, err := w.raw.HVals(w.Context(), fixture.Key(4, c.OpenID, "c:"+c.OpenID)).Result()
	w.Must(err)
	out := map[fact.TemplateID]int{}
	for _, v := range cards {
		var card struct {
			State    permit.CardState `json:"s"`
			Template fact.TemplateID  `json:"t"`
			Until    float64          `json:"w"`
			Reported int              `json:"rp"`
		}
		w.Must(json.Unmarshal([]byte(v), &card))
		switch {
		case card.Until != 0 || card.State == permit.CardSending:
			trust.Broken(w, trust.Violated, "a card of user %d never ends: %s", c.number, v)
		case card.State == permit.CardDelivered, card.State == permit.CardUnknown, card.State == permit.CardRefused && card.Reported == 1:
			out[card.Template]++
		}
	}
	return out
}

// storeBytes returns how much memory the store uses.
func (w *system) storeBytes() int { return w.info("memory", "used_memory") }

// connections returns how many the store has.
func (w *system) connections() int { return w.info("clients", "connected_clients") }

func (w *system) info(section, name string) int {
	w.Helper()
	text, err := fixture.Info(w.Context(), w.raw, section, name)
	w.Must(err)
	n, err := strconv.Atoi(text)
	w.Must(err)
	return n
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/card"
	"wxnotify/shared/explain"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

type explainCmd struct {
	envFlag
	User    string `xor:"about" placeholder:"USER" help:"Everything on record of a user."`
	Message string `xor:"about" placeholder:"ID" help:"One message: its MsgKey, group#seq, the id of a call or of an announcement."`
	Card    string `xor:"about" placeholder:"ID" help:"One card; logs and steps name them."`
	Lang    string `enum:"zh,en," default:"" placeholder:"zh|en" help:"Language; default: that of the cards, rules.lang in notify.yml."`
	JSON    bool   `name:"json" help:"Print a JSON array, with one explanation for each recipient."`
}

// Validate is called by kong.
func (c *explainCmd) Validate() error {
	if c.User == "" && c.Message == "" && c.Card == "" {
		return errors.New("of what? Name it with --user, --message or --card")
	}
	return nil
}

// timelines are what of a store is asked.
type timelines interface {
	Timeline(ctx context.Context, user fact.UserID) ([]notify.Step, error)
	FindMessage(ctx context.Context, id fact.MessageID) ([]fact.UserID, error)
	OpenIDOf(ctx context.Context, user fact.UserID) (fact.OpenID, error)
}

// Run prints an explanation for each recipient. That nothing is known is an explanation.
func (c *explainCmd) Run(ctx context.Context, con console) error {
	conf, st, err := c.open(con)
	if err != nil {
		return err
	}
	defer st.Close()
	all, err := c.explain(ctx, st, cmp.Or(c.Lang, conf.Rules.Lang), conf.Rules.Zone)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, all)
	}
	colours := term.Palette(con.colour(con.out))
	for i, e := range all {
		if i > 0 {
			fmt.Fprintln(con.out)
		}
		printExplanation(con.out, colours, e)
	}
	return nil
}

func (c *explainCmd) explain(ctx context.Context, st timelines, lang string, zone *time.Location) ([]explain.Explanation, error) {
	users, err := c.recipients(ctx, st)
	if err != nil {
		return nil, err
	}
	var all []explain.Explanation
	for _, user := range users {
		steps, err := st.Timeline(ctx, user)
		if err != nil {
			return nil, err
		}
		about := explain.Subject{User: user, Message: fact.Identity(c.Message), Card: card.ID(c.Card)}
		if len(steps) == 0 {
			_, err := st.OpenIDOf(ctx, user)
			if about.Unbound = errors.Is(err, store.ErrNotBound); err != nil && !about.Unbound {
				return nil, err
			}
		}
		same := notify.IdentitiesOf(steps, fact.MessageID(c.Message)) // a message and a call may have one id
		if len(same) == 0 {
			same = []fact.Identity{about.Message}
		}
		for _, about.Message = range same {
			all = append(all, explain.Explain(steps, about, lang, zone))
		}
	}
	if len(all) == 0 {
		all = append(all, explain.Explain(nil, explain.Subject{Message: fact.Identity(c.Message)}, lang, zone))
	}
	return all, nil
}

// recipients returns whose timelines tell of what was asked for; none if nobody's.
func (c *explainCmd) recipients(ctx context.Context, st timelines) ([]fact.UserID, error) {
	switch {
	case c.User != "":
		return []fact.UserID{fact.UserID(c.User)}, nil
	case c.Card != "":
		user := card.ID(c.Card).User()
		if user == "" {
			return nil, fmt.Errorf("--card=%s: the id of a card ends with a hyphen and its user", c.Card)
		}
		return []fact.UserID{user}, nil
	}
	return st.FindMessage(ctx, fact.MessageID(c.Message))
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printExplanation writes what it is about, the sentence, and the steps.
func printExplanation(w io.Writer, colours term.Palette, e explain.Explanation) {
	var head []string
	for _, part := range []struct{ name, value string }{
		{"user", string(e.User)}, {"message", string(e.Message)}, {"card", string(e.Card)}, {"state", string(e.State)}, {"reason", string(e.Reason)},
	} {
		if part.value != "" {
			head = append(head, colours.Paint(term.Dim, part.name)+" "+term.Visible(part.value))
		}
	}
	fmt.Fprintln(w, strings.Join(head, "  "))
	fmt.Fprintf(w, "%s\n", colours.Paint(term.Bold, term.Visible(e.Sentence)))
	if len(e.Steps) > 0 {
		fmt.Fprintln(w)
	}
	for _, s := range e.Steps {
		fmt.Fprintf(w, "  %s  %s", colours.Paint(term.Dim, s.At.Format(time.DateTime)), term.Visible(s.Text))
		if e.Message == "" {
			fmt.Fprint(w, colours.Paint(term.Dim, messagesOf(s.Messages)))
		}
		fmt.Fprintln(w)
	}
}

// shownMessages is how many ids of messages a line has room for.
const shownMessages = 3

// messagesOf names the messages that a step is about.
func messagesOf(ids []fact.MessageID) string {
	if len(ids) == 0 {
		return ""
	}
	var names []string
	for _, id := range ids[:min(len(ids), shownMessages)] {
		names = append(names, term.Visible(string(id)))
	}
	if more := len(ids) - shownMessages; more > 0 {
		names = append(names, fmt.Sprintf("+%d", more))
	}
	return " [" + strings.Join(names, " ") + "]"
}

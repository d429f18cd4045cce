package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/card"
	"wxnotify/shared/fact"
	"wxnotify/shared/letter"
	"wxnotify/shared/notify"
	"wxnotify/shared/store"
)

type deadReplayCmd struct {
	envFlag
	IDs    []string `arg:"" optional:"" name:"id" help:"As wxnotify dead list prints them."`
	All    bool     `help:"All that there are."`
	DryRun bool     `help:"Say what a replay would do, and do nothing."`
}

// Validate is called by kong.
func (c *deadReplayCmd) Validate() error {
	if len(c.IDs) > 0 && c.All {
		return errors.New("name letters or say --all, not both")
	}
	return nil
}

func (c *deadReplayCmd) Run(ctx context.Context, con console) error {
	conf, st, err := c.open(con)
	if err != nil {
		return err
	}
	defer st.Close()
	letters, err := c.chosen(ctx, st)
	if err != nil || len(letters) == 0 {
		if err == nil {
			fmt.Fprintln(con.out, "No card has been given up.")
		}
		return err
	}
	if c.DryRun {
		return rehearse(ctx, con.out, st, letters, longTerm(conf.Specs))
	}
	return replay(ctx, con.out, st, letters)
}

// chosen returns the letters that the command line means. The one that there is need not
// be named.
func (c *deadReplayCmd) chosen(ctx context.Context, st morgue) ([]notify.DeadLetter, error) {
	if len(c.IDs) > 0 {
		return lettersNamed(ctx, st, c.IDs)
	}
	letters, err := st.DeadLetters(ctx, maxLetters)
	if err == nil && len(letters) > 1 && !c.All {
		return nil, fmt.Errorf("there are %d dead letters: name those to replay, or say --all; wxnotify dead list shows them", len(letters))
	}
	return letters, err
}

// longTerm returns the templates of which one permit pays for any number of cards.
func longTerm(specs map[fact.Kind]card.TemplateSpec) map[fact.TemplateID]bool {
	out := map[fact.TemplateID]bool{}
	for _, spec := range specs {
		out[spec.ID] = out[spec.ID] || spec.LongTerm
	}
	return out
}

// replay has the messages of letters wait again. One that fails keeps no other back.
func replay(ctx context.Context, w io.Writer, st morgue, letters []notify.DeadLetter) error {
	var errs []error
	asleep, again := false, 0
	for _, l := range letters {
		r, err := st.Replay(ctx, l.User, l.ID)
		switch {
		case errors.Is(err, store.ErrNotBound):
			errs = append(errs, fmt.Errorf("%s: %s is not logged in through the mini program any more; the letter is kept", l.ID, l.User))
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", l.ID, err))
		case r.Messages == 0:
			fmt.Fprintf(w, "%s  is there no more, or too many messages wait for %s already\n", term.Visible(l.ID), term.Visible(string(l.User)))
		default:
			fmt.Fprintf(w, "%s  %s for %s again\n", term.Visible(l.ID), plural(r.Messages, "message waits", "messages wait"), term.Visible(string(l.User)))
			asleep, again = asleep || r.Wake, again+1
		}
	}
	switch {
	case asleep:
		fmt.Fprintln(w, "The next run of deliver takes them up, within a minute.")
	case again > 0:
		fmt.Fprintln(w, "A run of deliver is at work and takes them up.")
	}
	return errors.Join(errs...)
}

// rehearse says what a replay of letters would do, as far as it can be known.
func rehearse(ctx context.Context, w io.Writer, st morgue, letters []notify.DeadLetter, longTerm map[fact.TemplateID]bool) error {
	rows := [][]string{{"ID", "USER", "MESSAGES", "A REPLAY"}}
	for _, l := range letters {
		v, err := verdict(ctx, st, l, longTerm[l.Template])
		if err != nil {
			return err
		}
		rows = append(rows, []string{l.ID, string(l.User), fmt.Sprint(len(l.Messages)), v})
	}
	if err := printTable(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "Nothing was changed. Letters of one user share their permits, and may share a card. Who is online when it is due gets none.")
	return err
}

// verdict says what a replay of l would do.
func verdict(ctx context.Context, st morgue, l notify.DeadLetter, longTerm bool) (string, error) {
	openID, err := st.OpenIDOf(ctx, l.User)
	if err != nil && !errors.Is(err, store.ErrNotBound) {
		return "", err
	}
	left := 0
	if err == nil && !longTerm {
		balances, err := st.Balances(ctx, openID, []fact.TemplateID{l.Template})
		if err != nil {
			return "", err
		}
		left = balances[l.Template]
	}
	return letter.Foresee(l.OpenID, openID, longTerm, left).English(), nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
)

type deadCmd struct {
	List   deadListCmd   `cmd:"" help:"List the cards that were given up, newest first."`
	Show   deadShowCmd   `cmd:"" help:"Show what is kept of one."`
	Replay deadReplayCmd `cmd:"" help:"Have the messages of cards that were given up wait again. A card for them takes a permit, like any other."`
}

// maxLetters is how many dead letters are looked through for a name.
const maxLetters = 10_000

// morgue is what of a store is asked about dead letters.
type morgue interface {
	DeadLetters(ctx context.Context, limit int) ([]notify.DeadLetter, error)
	Replay(ctx context.Context, user fact.UserID, id string) (notify.Replayed, error)
	OpenIDOf(ctx context.Context, user fact.UserID) (fact.OpenID, error)
	Balances(ctx context.Context, openID fact.OpenID, templates []fact.TemplateID) (map[fact.TemplateID]int, error)
}

type deadListCmd struct {
	envFlag
	Limit int `default:"100" placeholder:"N" help:"At most so many (${default})."`
}

func (c *deadListCmd) Run(ctx context.Context, con console) error {
	if c.Limit < 1 || c.Limit > maxLetters {
		return fmt.Errorf("--limit=%d: use 1 to %d", c.Limit, maxLetters)
	}
	st, err := c.openStore(con)
	if err != nil {
		return err
	}
	defer st.Close()
	return listDead(ctx, con.out, st, c.Limit)
}

func listDead(ctx context.Context, w io.Writer, st morgue, limit int) error {
	letters, err := st.DeadLetters(ctx, limit)
	if err != nil {
		return err
	}
	if len(letters) == 0 {
		_, err := fmt.Fprintln(w, "No card has been given up.")
		return err
	}
	rows := [][]string{{"ID", "GIVEN UP", "USER", "KIND", "MESSAGES", "CLASS", "CAUSE"}}
	for _, l := range letters {
		rows = append(rows, []string{l.ID, moment(l.At), string(l.User), string(l.Kind), fmt.Sprint(len(l.Messages)), l.Class, term.Clip(l.Cause, 80)})
	}
	return printTable(w, rows)
}

type deadShowCmd struct {
	envFlag
	ID string `arg:"" help:"As wxnotify dead list prints it."`
}

func (c *deadShowCmd) Run(ctx context.Context, con console) error {
	st, err := c.openStore(con)
	if err != nil {
		return err
	}
	defer st.Close()
	return showDead(ctx, con.out, st, c.ID)
}

func showDead(ctx context.Context, w io.Writer, st morgue, id string) error {
	letters, err := lettersNamed(ctx, st, []string{id})
	if err != nil {
		return err
	}
	l := letters[0]
	for _, row := range [][2]string{
		{"id", l.ID},
		{"given up", moment(l.At)},
		{"user", string(l.User)},
		{"openid", string(l.OpenID)},
		{"kind", string(l.Kind)},
		{"template", string(l.Template)},
		{"messages", joined(fact.MessageIDs(l.Messages))},
		{"from", joined(l.From)},
		{"class", l.Class},
		{"cause", l.Cause},
	} {
		fmt.Fprintf(w, "%-9s %s\n", row[0], term.Visible(row[1]))
	}
	_, err = fmt.Fprintf(w, "\nwxnotify explain --card %s   tells how it came to this\nwxnotify dead replay %[1]s    has its messages wait again\n", term.Visible(string(l.ID)))
	return err
}

// lettersNamed returns the dead letters of those names, or an error that names those that
// there are not.
func lettersNamed(ctx context.Context, st morgue, ids []string) ([]notify.DeadLetter, error) {
	all, err := st.DeadLetters(ctx, maxLetters)
	if err != nil {
		return nil, err
	}
	var letters []notify.DeadLetter
	var missing []string
	for _, id := range ids {
		i := slices.IndexFunc(all, func(l notify.DeadLetter) bool { return l.ID == id })
		switch {
		case i < 0:
			missing = append(missing, fmt.Sprintf("%q", id))
		case !slices.ContainsFunc(letters, func(l notify.DeadLetter) bool { return l.ID == id }):
			letters = append(letters, all[i])
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("no dead letter is called %s; wxnotify dead list names those that there are", strings.Join(missing, ", "))
	}
	return letters, nil
}

// moment is a time for the operator, in the zone of the machine.
func moment(t time.Time) string { return t.Local().Format(time.DateTime) }

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// printTable writes rows in columns.
func printTable(w io.Writer, rows [][]string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = term.Visible(row[i])
			widths[i] = max(widths[i], term.Width(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += term.Pad(cell, widths[i]+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

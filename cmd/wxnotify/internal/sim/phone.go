package sim

import (
	"fmt"
	"strings"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/simulator"
)

// Cells of a drawn card.
const (
	minCard  = 40 // inside the frame
	maxValue = 44
)

// drawCard draws a subscribe message as the phone of owner shows it, in the column of the
// story's text.
func drawCard(colours term.Palette, lang Lang, owner string, c simulator.Card) string {
	labels := 0
	for _, l := range c.Lines {
		labels = max(labels, term.Width(l.Label))
	}
	type row struct{ plain, painted string }
	pair := func(label, value string) row {
		value = term.Clip(term.Visible(value), maxValue)
		return row{term.Pad(label, labels) + "  " + value, colours.Paint(term.Dim, term.Pad(label, labels)) + "  " + value}
	}
	styled := func(style term.Style, s string) row { return row{s, colours.Paint(style, s)} }

	rows := []row{styled(term.Dim, "服务通知"), {}, styled(term.Bold, c.Title), {}}
	for _, l := range c.Lines {
		rows = append(rows, pair(l.Label, l.Value))
	}
	const divider = "\n"
	rows = append(rows, row{plain: divider}, styled(term.Dim, "进入小程序 › "+term.Clip(c.Page, maxValue)))

	width := minCard
	for _, r := range rows {
		width = max(width, term.Width(r.plain))
	}
	frame := func(s string) string { return colours.Paint(term.Green, s) }
	indent := strings.Repeat(" ", textColumn)
	head := "─ " + say("%s's phone", "%s 的手机", owner).In(lang) + " "
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s%s\n", indent, frame("╭"+head+strings.Repeat("─", width+2-term.Width(head))+"╮"))
	for _, r := range rows {
		if r.plain == divider {
			fmt.Fprintf(&b, "%s%s\n", indent, frame("├"+strings.Repeat("─", width+2)+"┤"))
			continue
		}
		blanks := strings.Repeat(" ", width-term.Width(r.plain))
		fmt.Fprintf(&b, "%s%s %s%s %s\n", indent, frame("│"), r.painted, blanks, frame("│"))
	}
	fmt.Fprintf(&b, "%s%s\n\n", indent, frame("╰"+strings.Repeat("─", width+2)+"╯"))
	return b.String()
}

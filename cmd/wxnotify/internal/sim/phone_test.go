package sim

import (
	"strings"
	"testing"

	"wxnotify/cmd/wxnotify/internal/term"
	"wxnotify/simulator"
)

func cardOf(values ...string) simulator.Card {
	c := simulator.Card{Title: "新消息提醒", Page: "pages/chat/index?peer=user1"}
	for i, v := range values {
		c.Lines = append(c.Lines, simulator.CardLine{Label: []string{"发送人", "消息内容"}[i%2], Keyword: "thing1", Value: v})
	}
	return c
}

// Whatever a card says, its frame is a rectangle.
func TestCardsAreRectangles(t *testing.T) {
	long := cardOf("a")
	long.Page = strings.Repeat("page/", 40)
	for name, c := range map[string]simulator.Card{
		"plain":           cardOf("user1", "See you at 7!"),
		"Chinese":         cardOf("王小明", "晚上七点老地方见晚上七点老地方见晚上七点老地方见"),
		"emoji":           cardOf("👨‍👩‍👧‍👦", "☕️ 😀"),
		"control":         cardOf("a\x1b[2Jb", "c\nd"),
		"longer than all": cardOf(strings.Repeat("x", 200)),
		"long page":       long,
		"no lines":        cardOf(),
	} {
		t.Run(name, func(t *testing.T) {
			got := drawCard(false, English, "user2", c)
			rows := strings.Split(strings.Trim(got, "\n"), "\n")
			for _, row := range rows {
				if term.Width(row) != term.Width(rows[0]) || !strings.HasPrefix(row, strings.Repeat(" ", textColumn)) {
					t.Fatalf("not a rectangle:\n%s", got)
				}
			}
			if strings.ContainsAny(got, "\x1b\r") {
				t.Errorf("it steers the terminal: %q", got)
			}
			if !strings.Contains(got, "user2's phone") || !strings.Contains(got, c.Title) || !strings.Contains(got, "进入小程序") {
				t.Errorf("it lacks something:\n%s", got)
			}
			// Colours take no room.
			painted := drawCard(true, English, "user2", c)
			for _, style := range []string{"\x1b[32m", "\x1b[1m", "\x1b[2m", "\x1b[0m"} {
				if !strings.Contains(painted, style) {
					t.Errorf("%q is not in %q", style, painted)
				}
				painted = strings.ReplaceAll(painted, style, "")
			}
			if painted != got {
				t.Errorf("painted, it says\n%s\nand not\n%s", painted, got)
			}
		})
	}
}

func TestCard(t *testing.T) {
	got := drawCard(false, English, "user2", cardOf("user1", "See you at 7!"))
	want := `
                    ╭─ user2's phone ──────────────────────────╮
                    │ 服务通知                                 │
                    │                                          │
                    │ 新消息提醒                               │
                    │                                          │
                    │ 发送人    user1                          │
                    │ 消息内容  See you at 7!                  │
                    ├──────────────────────────────────────────┤
                    │ 进入小程序 › pages/chat/index?peer=user1 │
                    ╰──────────────────────────────────────────╯

`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

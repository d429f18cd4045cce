package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The story, played by clicks: three users, messages, a card that is tapped, a permit, a call, a mention.
func TestStory(t *testing.T) {
	t.Parallel()
	tb := open(t, play(t), english.wide(1440, 1160))
	cards := func(user string, n int) {
		t.Helper()
		tb.await(fmt.Sprintf("document.querySelectorAll(%s).length === %d", quote(of(user, ".card")), n))
	}
	tb.says(of("user2", ".card"), "给您发来2条新消息") // of the opening exchange
	tb.says(".line.good", "one card told user2 of 2 messages")

	// One click: the next card of the absence.
	tb.click("user1", "Send")
	cards("user2", 2)
	tb.says(".line.good", `one card told user2 of "Are you coming tonight?"; 3 permits left`)
	tb.says(".line.good .why", "We notified you on")
	tb.shot("play", "header")

	tb.clickOn(of("user2", ".card"))
	tb.says(of("user2", ".dot.on"), "in the chat")
	tb.says(of("user1", ".mine"), "read")
	tb.await(`document.querySelector("article[data-user=user2] [data-believes=Online]")`)

	// Read first, recalled, answered: no card. On a busy machine clicks take longer than the short blind window.
	tb.write("#rule-blindWindow", "120")
	tb.click("", "Apply")
	tb.says(".line", "blind_window 2m")
	tb.click("user1", "Picture")
	tb.says(of("user2", ".theirs"), "[picture]")
	tb.click("user2", "Read (1)")
	tb.says(".line.none", `no card: user2 has read "[图片]"`)
	tb.nextSecond() // what is read is told of to the second
	tb.send("user1", "oops")
	tb.clickAt(`//article[@data-user="user1"]//div[contains(., "oops") and contains(@class, "said")]//button`)
	tb.says(of("user2", ".recalled"), "user1 took back a message")
	tb.says(".line.none", `"oops" was taken back`)

	tb.click("user1", "Call")
	tb.says(of("user2", ".call"), "user1 is calling")
	tb.click("user2", "Answer")
	tb.says(of("user1", ".call"), "In a call with user2")
	tb.click("user1", "Hang up")
	tb.says(of("user1", ".bubble"), "Call: over")

	tb.write("#rule-blindWindow", "8")
	tb.click("", "Apply")
	tb.says(".line", "blind_window 8s")

	// Lost network: IM goes on calling them online, and the blind window catches it.
	tb.click("user2", "Lose network")
	tb.says(of("user2", ".offline"), "No network")
	tb.send("user1", "still there?")
	tb.says(".line.good", `one card told user2 of "still there?"`)
	cards("user2", 2) // the phone has no network
	tb.click("user2", "Back to the mini program")
	cards("user2", 3)
	tb.click("user2", "To background")
	tb.says(of("user2", ".home"), "WeChat is in the background")

	// Without a permit nothing; one tap makes the difference.
	tb.click("", "Show user3 too")
	tb.clickAt(`//article[@data-user="user1"]//nav//button[2]`)
	tb.send("user1", "hello user3")
	tb.says(".line.none", "user3 has no permit")
	tb.click("user3", "Open mini program")
	tb.click("user3", "Notify me once")
	tb.says(of("user3", "[role=dialog]"), "新消息提醒")
	tb.shot("play-dialog", "[role=dialog]")
	tb.click("user3", "Allow")
	tb.await(`document.querySelector("article[data-user=user3] [data-permits='1']")`)
	tb.click("user3", "Close mini program")
	tb.says(of("user3", ".dot"), "closed")
	tb.says(of("user3", ".dot"), "offline")
	tb.clickAt(`//article[@data-user="user1"]//nav//button[3]`)
	tb.choose(of("user1", ".composer select"), "user3")
	tb.send("user1", "lunch")
	tb.says(of("user3", ".card-value"), "user1")
	tb.says(".line", "and mentions user3")
}

// The same in Chinese, as far as the first screen goes.
func TestStoryInChinese(t *testing.T) {
	t.Parallel()
	tb := open(t, play(t, "LANG=zh_CN.UTF-8"), chinese.wide(1440, 1160))
	tb.says(of("user1", ".mine"), "晚上七点老地方见！")
	tb.click("user1", "发送")
	tb.says(".line.good", "用一条提醒告诉 user2：“今晚来吗？”；剩余 3 次")
	tb.says(".line.good .why", "可以在微信的“服务通知”里查看。")
	tb.shot("play.zh-CN", "header")
}

// What the subscribe dialog and WeChat's settings can say, and what becomes of it.
func TestPermits(t *testing.T) {
	t.Parallel()
	tb := open(t, play(t), english)
	permits := func(n string) {
		tb.await(`document.querySelector("article[data-user=user1] [data-permits='` + n + `']")`)
	}
	permits("5")
	tb.click("user1", "Notify me once")
	tb.click("user1", "Cancel")
	tb.says(".line", `taps "Cancel": nothing changes`)
	tb.click("user1", "Notify me once")
	tb.click("user1", "Always keep")
	tb.click("user1", "Allow")
	permits("6")
	tb.click("user1", "Notify me once") // no dialog any more
	permits("7")
	tb.nextSecond() // what a refusal takes away is told of to the second
	tb.click("user1", "WeChat settings")
	tb.says(of("user1", ".settings"), "accept, without asking")
	tb.click("user1", "Refuse these cards")
	permits("0")
	tb.click("user1", "Refuse these cards")
	tb.says(of("user1", ".settings"), "accept, without asking")
	tb.click("user1", "Subscribe messages")
	tb.await(`!document.querySelector("article[data-user=user1] .settings input").checked`)
	tb.click("user1", "Notify me once")
	tb.says(".line", "is not asked: the main switch is off")
	tb.accessible()
}

// Faults, and rules that change while it runs.
func TestFaultsAndRules(t *testing.T) {
	t.Parallel()
	tb := open(t, play(t), english)
	tb.says(of("user2", ".card"), "给您发来2条新消息")

	tb.write("#rule-lead", "0.5")
	tb.write("#rule-digest", "2, 2")
	tb.write("#rule-keepForFirst", "0")
	tb.choose("#rule-preview", "text")
	tb.click("", "Apply")
	tb.says(".line", "goes by other rules: lead 0.5s")
	tb.await(`document.querySelector("#rule-digest").value === "2, 2"`)
	tb.send("user1", "shown in full")
	tb.says(of("user2", ".card-value"), "shown in full")
	tb.write("#rule-blindWindow", "9000")
	tb.click("", "Apply")
	tb.says("[role=alert]", "rules.blind_window: use 0s to 10m")

	tb.click("", "Make the access token")
	tb.click("", "WeChat is slow")
	tb.await(`document.querySelector("#faults ~ label input").checked`)
	tb.send("user1", "slowly")
	tb.says(of("user2", ".card-value"), "slowly")
	tb.click("", "WeChat is slow")

	tb.click("", "The store is away")
	tb.says(of("user2", "dd"), "store away")
	tb.send("user1", "meanwhile")
	tb.says(".line", `writes to user2: "meanwhile"`)
	tb.click("", "The store is away")
	tb.says(of("user2", ".card-value"), "meanwhile")

	tb.click("", "WeChat refuses with 43101")
	tb.send("user1", "refused")
	tb.says(".line", "crosses out user2's permits")
	tb.says(".line.none", `user2 has no permit for "refused"`)
}

// Nothing that a user wrote becomes markup.
func TestInjection(t *testing.T) {
	t.Parallel()
	const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	const name = `<b onclick=x>"'&`
	tb := open(t, play(t), english)
	tb.click("user1", "WeChat settings")
	tb.write("#nick-user1", name)
	tb.click("user1", "Rename")
	tb.says("h3", name)
	tb.send("user1", evil)
	tb.says(of("user2", ".card-value"), name)
	tb.says(".line", `writes to user2: "<img src=x`)
	if n := eval[int](tb, `(window.pwned ?? 0) + document.querySelectorAll("#app img, #app script, #app b").length`); n != 0 {
		t.Errorf("%d pieces of markup came to life", n)
	}
	// And if something tried, the browser would refuse.
	tb.expect("TrustedHTML")
	if err := eval[string](tb, `(() => { try { document.body.innerHTML += "x"; return "" } catch (e) { return e.name } })()`); err != "TypeError" {
		t.Errorf("markup out of text is not refused: %q", err)
	}
	tb.accessible()
}

// Everything can be reached and done by the keyboard alone.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	tb := open(t, play(t), english)
	tb.says(of("user2", ".card"), "给您发来2条新消息")
	press := func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			tb.run(chromedp.KeyEvent(k))
		}
	}
	// to goes on by Tab until the focus is on what css selects and has these words.
	to := func(css, words string) {
		t.Helper()
		for range 120 {
			press(kb.Tab)
			if eval[bool](tb, `document.activeElement.matches(`+quote(css)+`) && (document.activeElement.textContent + document.activeElement.value).includes(`+quote(words)+`)`) {
				if !eval[bool](tb, `getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
					t.Errorf("%s %q shows no focus", css, words)
				}
				return
			}
		}
		t.Fatalf("Tab never comes to %s %q", css, words)
	}
	to(of("user1", ".composer input"), "")
	press("a", "b", kb.Enter)
	tb.says(of("user1", ".mine"), "ab")
	to(of("user1", ".remind"), "Notify")
	press(kb.Enter)
	tb.await(`document.activeElement.textContent === "Allow"`)
	press(kb.Escape)
	tb.says(".line", `taps "Cancel"`)
	tb.await(`document.activeElement.matches("article[data-user=user1] .remind")`)
	press(kb.Enter)
	tb.await(`document.activeElement.textContent === "Allow"`)
	press(" ")
	tb.await(`document.querySelector("article[data-user=user1] [data-permits='6']")`)
	to(of("user2", ".card"), "")
	press(kb.Enter)
	tb.says(of("user2", ".dot.on"), "in the chat")
	to("#rule-lead", "")
	to(".switch input", "")
	press(" ")
	tb.says(".line", "takes 3s to answer")
}

// Both languages, both schemes, wide and narrow.
func TestLooks(t *testing.T) {
	t.Parallel()
	url := play(t, "LANG=zh_CN.UTF-8")
	for name, c := range map[string]struct {
		look  look
		title string
	}{
		"in Chinese":    {chinese, "发生了什么，为什么"},
		"play-dark":     {english.inDark().wide(1440, 1160), "What happened, and why"},
		"play-390":      {english.wide(390, 844), "What happened, and why"},
		"":              {chinese.wide(390, 844).inDark(), "发生了什么，为什么"},
		"another":       {look{lang: "fr-FR,zh-TW;q=0.5", width: 800, height: 900}, "发生了什么，为什么"},
		"yet another":   {look{lang: "fr-FR", width: 1024, height: 900}, "What happened, and why"},
		"one very wide": {english.wide(1920, 1080), "What happened, and why"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := open(t, url, c.look)
			tb.says("h2", c.title)
			tb.says(".line.good", "user2")
			tb.accessible()
			tb.fits()
			tb.click("user1", map[bool]string{true: "离开后", false: "Notify me once"}[c.title == "发生了什么，为什么"])
			tb.accessible()
			tb.run(chromedp.KeyEvent(kb.Escape))
			tb.await(`document.activeElement.matches(".remind")`)
			switch name {
			case "play-dark":
				tb.shot(name, "header")
			case "play-390":
				tb.shot(name, "header")
				tb.click("", "中文")
				tb.says("h2", "发生了什么，为什么")
				tb.run(chromedp.Reload())
				tb.says("h2", "发生了什么，为什么")
				tb.fits()
			}
		})
	}
}

// A page that was cut off goes on where it was.
func TestReconnect(t *testing.T) {
	t.Parallel()
	cable := lay(t, play(t))
	tb := open(t, cable.url, english)
	tb.says(".line.good", "one card told user2")
	cable.set(true)
	tb.says(".status", "no connection")
	tb.click("user1", "Send")
	tb.says("[role=alert]", "does not answer")
	cable.set(false)
	tb.says(".status", "live")
	tb.send("user1", "after the cut")
	tb.says(".line", "after the cut")
	if n := eval[int](tb, `[...document.querySelectorAll(".line")].filter((l) => l.textContent.includes("logs in")).length`); n != 3 {
		t.Errorf("%d logins are told of after the cut, want 3", n)
	}
}

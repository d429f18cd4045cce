package browser

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A deployment is a simulation with a console beside it.
type deployment struct {
	*testing.T
	store string // host:port
	url   string // of the console
	once  string // what is behind it signs in once
	token string
}

const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`

// deploy plays the opening exchange, and leaves a dead letter of user2 behind.
func deploy(t *testing.T) *deployment {
	t.Helper()
	folder, err := build()
	if err != nil {
		t.Fatal(err)
	}
	m := says(t, []string{"LANG=en_GB.UTF-8"}, []string{"local", "--sim", "--build=" + folder}, `STORE_URL=redis://(127\.0\.0\.1:\d+)`, `user3  .*openid`)
	d := &deployment{T: t, store: m[0][1]}
	tag := strings.TrimSuffix(d.redis("KEYS", "*:r:user2"), "r:user2")
	openID := d.redis("HGET", tag+"r:user2", "o")
	now := time.Now()
	letter := fmt.Sprintf(`{"o":%q,"c":"DEADCARD-user2","k":"message","tm":"T","at":%d,"cl":"defect","ca":%q,"n":[{"i":"m0123456789ab:dead-message","k":"message","p":"user1","t":%d}]}`,
		openID, now.UnixMilli(), "errcode 47003: "+evil, now.Unix())
	d.redis("HSET", tag+"dl:user2", "DEADCARD-user2", letter)
	d.redis("ZADD", tag+"dead", fmt.Sprint(now.UnixMilli()), "user2")
	m = says(t, []string{"STORE_URL=redis://" + d.store}, []string{"console"}, `(http://127\.0\.0\.1:\d+/)#(\w+)`, `token (\w+)`)
	d.url, d.once, d.token = m[0][1], m[0][2], m[1][1]
	return d
}

func (d *deployment) redis(args ...string) string {
	d.Helper()
	host, port, _ := strings.Cut(d.store, ":")
	out, err := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	if err != nil {
		d.Fatalf("redis-cli %v: %v %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// signIn opens the console at a screen, and signs in.
func (d *deployment) signIn(l look, screen string) *tab {
	d.Helper()
	tb := visit(d.T, d.url, l)
	tb.expect("401")
	tb.await(`document.querySelector("#token")`)
	tb.run(chromedp.SendKeys(chromedp.CSS("#token"), d.token+kb.Enter))
	tb.await(`document.querySelector("nav a")`)
	tb.js(`location.hash = ` + quote(screen))
	return tb
}

// The address in the terminal signs in once; a wrong token is refused; and so is a session that was ended.
func TestConsoleSignIn(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	tb := visit(t, d.url+"#"+d.once, english)
	tb.says("h2", "How it stands")
	if hash := eval[string](tb, "location.hash"); hash != "" {
		t.Errorf("the address keeps %q", hash)
	}
	tb.run(chromedp.Reload())
	tb.says("h2", "How it stands")
	tb.accessible()
	tb.expect("401")
	tb.click("", "Sign out")
	tb.says("h2", "Sign in")
	tb.run(chromedp.Reload())
	tb.says("h2", "Sign in")
	tb.run(chromedp.SendKeys(chromedp.CSS("#token"), d.once+kb.Enter))
	tb.says("[role=alert]", "the token is wrong, or was used already")
	tb.accessible()
	tb.click("", "中文")
	tb.says("[role=alert]", "令牌不正确")
	tb.write("#token", d.token)
	tb.run(chromedp.KeyEvent(kb.Enter))
	tb.says("h2", "当前状况")
	// A cookie that was tampered with is none.
	tb.js(`document.cookie = "wxnotify-console=x; path=/"`) // HttpOnly: a script cannot touch it
	tb.run(chromedp.Reload())
	tb.says("h2", "当前状况")
}

// Each screen, in both languages, both schemes, wide and narrow.
func TestConsoleScreens(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	for name, c := range map[string]struct {
		look    look
		chinese bool
	}{
		"":          {english, false},
		".zh-CN":    {chinese, true},
		"-dark":     {english.inDark(), false},
		"-390":      {english.wide(390, 844), false},
		"-390-dark": {chinese.wide(390, 844).inDark(), true},
	} {
		t.Run("look"+name, func(t *testing.T) {
			tb := d.signIn(c.look, "overview")
			for screen, says := range map[string][2]string{
				"overview":        {"users with dead letters: 1.", "有死信的用户：1 位"},
				"find/user/user2": {"Messages on record: ", "记录中有 "},
				"queue":           {"for whom something waits", "等待中的用户"},
				"dead":            {"Cards that were given up", "已放弃的提醒"},
				"settings":        {"rules.blind_window", "rules.blind_window"},
			} {
				tb.js(`location.hash = ` + quote(screen))
				want := says[0]
				if c.chinese {
					want = says[1]
				}
				tb.await(fmt.Sprintf(`document.querySelector("main").textContent.toLowerCase().includes(%s.toLowerCase()) && !document.querySelector("[aria-busy=true]")`, quote(want)))
				tb.accessible()
				tb.fits()
				screen, _, _ := strings.Cut(screen, "/")
				if screen == "overview" && name != "-390" && name != "-390-dark" || screen == "find" && (name == "" || name == "-390") {
					tb.shot("console-"+screen+name, "header")
				}
			}
		})
	}
}

// A dead letter is tried and replayed; in another window the same one is there no more. Nothing of it becomes markup.
func TestConsoleReplay(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	tb, other := d.signIn(english, "dead"), d.signIn(english, "dead")
	other.expect("409")
	for _, one := range []*tab{tb, other} {
		one.says(".cause", evil)
		one.click("", "What would a replay do?")
		one.says("[role=status]", `A replay ends as "no permit"`)
	}
	tb.accessible()
	tb.clickOn(".letter button.primary")
	tb.says("[role=status]", "Messages that wait again: 1.")
	other.clickOn(".letter button.primary")
	other.says("[role=status]", "there is no such dead letter any more")
	tb.run(chromedp.Reload())
	tb.says("main", "No card has been given up.")
	if n := eval[int](tb, `(window.pwned ?? 0) + document.querySelectorAll("#app img, #app script").length`); n != 0 {
		t.Errorf("%d pieces of markup came to life", n)
	}
	tb.js(`location.hash = "find/message/" + encodeURIComponent(` + quote(evil) + `)`)
	tb.says(".sentence", "We have no record of this message")
	if n := eval[int](tb, `(window.pwned ?? 0) + document.querySelectorAll("#app img, #app script").length`); n != 0 {
		t.Errorf("%d pieces of markup came to life", n)
	}
}

// By the keyboard alone somebody finds out what became of a user's messages.
func TestConsoleKeyboard(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	tb := d.signIn(english, "overview")
	tb.says("h2", "Over time")
	tab := func(until string) {
		t.Helper()
		for range 60 {
			tb.run(chromedp.KeyEvent(kb.Tab))
			if eval[bool](tb, `document.activeElement.matches(`+quote(until)+`)`) {
				return
			}
		}
		t.Fatalf("Tab never comes to %s", until)
	}
	tb.js(`document.activeElement.blur()`)
	tab(`nav a[href="#find"]`)
	tb.run(chromedp.KeyEvent(kb.Enter))
	tb.await(`document.querySelector("#id")`)
	tab("#id")
	tb.run(chromedp.KeyEvent("user2"), chromedp.KeyEvent(kb.Enter))
	tb.says(".sentence", "Messages on record")
	tb.says(".ledger", "Balance")
	tab(".step a")
	tb.run(chromedp.KeyEvent(kb.Enter))
	tb.await(`location.hash.startsWith("#find/") && !location.hash.endsWith("user2") || location.hash.includes("/card/")`)
	tb.says(".sentence", "")
}

// A store that is away is said by each panel; the page stays, and so does what it knew.
func TestConsoleStoreAway(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	tb := d.signIn(english, "overview")
	tb.says(".tiles", "Cards out")
	tb.expect("503")
	d.redis("CLIENT", "GETNAME") // it is there
	cut := lay(t, "http://"+d.store+"/")
	m := says(t, []string{"STORE_URL=redis://" + strings.TrimSuffix(strings.TrimPrefix(cut.url, "http://"), "/")}, []string{"console"}, `(http://127\.0\.0\.1:\d+/)#(\w+)`, `token (\w+)`)
	d.url, d.token = m[0][1], m[1][1]
	tb = d.signIn(english, "overview")
	tb.says(".tiles", "Cards out")
	tb.expect("503")
	cut.set(true)
	tb.run(chromedp.Click(chromedp.Search(`//section[@aria-labelledby="now"]//button[normalize-space(.)="Refresh"]`)))
	tb.says("section[aria-labelledby=now] [role=alert]", "the store does not answer")
	tb.says(".tiles", "Cards out")
	tb.accessible()
	cut.set(false)
	tb.run(chromedp.Click(chromedp.Search(`//section[@aria-labelledby="now"]//button[normalize-space(.)="Refresh"]`)))
	tb.await(`![...document.querySelectorAll("[role=alert]")].some((e) => e.textContent.includes("does not answer"))`)
}

package browser

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	root     = "../.."
	patience = 90 * time.Second
)

//go:embed testdata/axe.min.js
var axe string

// chromium is where the browser is. Without BROWSER=1 the tests are skipped; with it a browser must be there.
func chromium(t *testing.T) string {
	t.Helper()
	if os.Getenv("BROWSER") == "" {
		t.Skip("tests in a browser are run by make test-browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no chromium: install it, or run make test-browser, which does")
	return ""
}

// build builds wxnotify and the functions once.
var build = sync.OnceValues(func() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "wxnotify-browser-"); err != nil {
		return "", err
	}
	for _, what := range []string{"./cmd/wxnotify", "./functions/..."} {
		cmd := exec.Command("go", "build", "-o", folder+string(filepath.Separator), what)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build %s: %w\n%s", what, err, out)
		}
	}
	return folder, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("BROWSER") != "" {
		if folder, err := build(); err == nil {
			os.RemoveAll(folder)
		}
	}
	os.Exit(code)
}

// says starts the program, and returns what each of patterns finds first in what it says. It ends with the test.
func says(t *testing.T, env []string, args []string, patterns ...string) [][]string {
	t.Helper()
	chromium(t)
	folder, err := build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(folder, "wxnotify"), append(args, "--no-open", "--addr=127.0.0.1:0")...)
	cmd.Dir = root
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "HOME=" + t.TempDir()}, env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	silent := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	var said strings.Builder
	found, left := make([][]string, len(patterns)), len(patterns)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		for i, pattern := range patterns {
			if m := regexp.MustCompile(pattern).FindStringSubmatch(lines.Text()); m != nil && found[i] == nil {
				found[i] = m
				left--
			}
		}
		if left == 0 {
			silent.Stop()
			go io.Copy(io.Discard, out)
			return found
		}
	}
	t.Fatalf("the program ended, or did not say all that was waited for:\n%s", said.String())
	return nil
}

// play starts the program with a simulation of its own and returns the address of the play page, when the opening
// exchange is over.
func play(t *testing.T, env ...string) string {
	t.Helper()
	chromium(t)
	folder, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return says(t, env, []string{"local", "--sim", "--build=" + folder}, `http://\S+`, `user3  .*openid`)[0][0] // of the suggestions
}

// A look is how a reader has set up the browser.
type look struct {
	lang   string // of Accept-Language
	dark   bool
	width  int64
	height int64
}

var (
	english = look{lang: "en-GB,en", width: 1440, height: 1000}
	chinese = look{lang: "zh-CN,zh", width: 1440, height: 1000}
)

func (l look) inDark() look         { l.dark = true; return l }
func (l look) wide(w, h int64) look { l.width, l.height = w, h; return l }

// A tab is one page in the browser. What the page complains of in its console fails the test.
type tab struct {
	*testing.T
	ctx      context.Context
	expected atomic.Value // a complaint
}

// expect lets the browser complain of something from now on.
func (tb *tab) expect(complaint string) { tb.expected.Store(complaint) }

// nextSecond waits until the clock shows another second.
func (tb *tab) nextSecond() {
	tb.Helper()
	second := eval[int](tb, "Math.floor(Date.now() / 1000)")
	tb.await(fmt.Sprintf("Date.now() / 1000 > %d", second+1))
}

// open opens the play page at url.
func open(t *testing.T, url string, l look) *tab {
	t.Helper()
	tb := visit(t, url, l)
	tb.await(`document.querySelectorAll("article").length > 1`)
	return tb
}

// visit opens url.
func visit(t *testing.T, url string, l look) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	tb := &tab{T: t, ctx: ctx}
	tb.expect("net::ERR_")                       // of a network that is cut
	if err := chromedp.Listen(ctx, func(e any) { // this starts the browser, which lives as long as ctx
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page throws: %+v", e.ExceptionDetails)
		case *cdplog.EventEntryAdded:
			// A refusal that a test asks for is an answer other than 200.
			expected := strings.Contains(e.Entry.Text, "409 (Conflict)") || strings.Contains(e.Entry.Text, tb.expected.Load().(string))
			if e.Entry.Level == cdplog.EntryLevelError && !expected {
				t.Errorf("the browser complains: %s %s", e.Entry.Text, e.Entry.URL)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	call(tb, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "wxnotify test", AcceptLanguage: l.lang})
	call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	tb.run(chromedp.EmulateViewport(l.width, l.height), chromedp.Navigate(url))
	return tb
}

func (tb *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	do(tb, chromedp.Steps(actions...))
}

// do runs an action and returns its value.
func do[T any](tb *tab, action chromedp.Action[T]) T {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// call calls a command of the protocol.
func call[P, R any](tb *tab, command cdp.Command[P, R], params P) R {
	tb.Helper()
	return do(tb, func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	})
}

// eval returns what an expression is.
func eval[T any](tb *tab, expression string) T {
	tb.Helper()
	return do(tb, chromedp.Evaluate[T](expression))
}

// js runs a statement.
func (tb *tab) js(statement string) {
	tb.Helper()
	eval[int](tb, statement+";0")
}

// await waits until an expression is true.
func (tb *tab) await(expression string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !eval[bool](tb, "!!("+expression+")") {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("%s does not come about; the page says\n%s", expression, eval[string](tb, `document.body.innerText`))
		}
	}
}

// says waits until what css selects has text in it.
func (tb *tab) says(css, text string) {
	tb.Helper()
	tb.await(fmt.Sprintf(`[...document.querySelectorAll(%s)].some((e) => e.textContent.includes(%s))`, quote(css), quote(text)))
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(b)
}

// of selects something of a user.
func of(user, css string) string { return fmt.Sprintf("article[data-user=%s] %s", user, css) }

// click clicks on a button by its words, in the article of a user, or, if user is empty, anywhere.
func (tb *tab) click(user, words string) {
	tb.Helper()
	in := "//"
	if user != "" {
		in = fmt.Sprintf(`//article[@data-user="%s"]//`, user)
	}
	tb.clickAt(fmt.Sprintf(`%s*[self::button or self::label or self::summary][starts-with(normalize-space(.), "%s")]`, in, words))
}

// clickAt clicks on what an XPath finds, once it no longer moves.
func (tb *tab) clickAt(xpath string) {
	tb.Helper()
	at := fmt.Sprintf(`(() => {
		const e = document.evaluate(%s, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue;
		if (!e || e.disabled) return "";
		e.scrollIntoView({block: "nearest"});
		const r = e.getBoundingClientRect();
		return r.width && [r.x, r.y, r.width].join();
	})()`, quote(xpath))
	tb.await(fmt.Sprintf(`(() => { const at = %s, was = window.wasAt; window.wasAt = at; return at && at === was })()`, at))
	tb.run(chromedp.Click(chromedp.Search(xpath)))
}

// clickOn clicks on the first that css selects.
func (tb *tab) clickOn(css string) {
	tb.Helper()
	tb.run(chromedp.Click(chromedp.CSS(css)))
}

// write puts text into a field.
func (tb *tab) write(css, text string) {
	tb.Helper()
	tb.js(`document.querySelector(` + quote(css) + `).select()`)
	tb.run(chromedp.SendKeys(chromedp.CSS(css), text))
}

// choose chooses in a list.
func (tb *tab) choose(css, value string) {
	tb.Helper()
	tb.js(fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.value = %s; e.dispatchEvent(new Event("change", {bubbles: true})) })()`, quote(css), quote(value)))
}

// send has user say something in the conversation that they see.
func (tb *tab) send(user, text string) {
	tb.Helper()
	tb.write(of(user, ".composer input"), text)
	tb.click(user, sendWord(tb))
	tb.says(of(user, ".mine"), text)
}

func sendWord(tb *tab) string {
	if eval[string](tb, `document.documentElement.lang`) == "en" {
		return "Send"
	}
	return "发送"
}

// shot writes a picture of what is seen of the page, around what css selects, into docs/img.
func (tb *tab) shot(name, css string) {
	tb.Helper()
	tb.js(fmt.Sprintf(`document.activeElement.blur(); document.querySelector(%s).scrollIntoView({block: "center"})`, quote(css)))
	picture := call(tb, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err := os.WriteFile(filepath.Join(root, "docs", "img", name+".png"), picture.Data, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// accessible wants axe-core to find nothing.
// Source: https://github.com/dequelabs/axe-core
func (tb *tab) accessible() {
	tb.Helper()
	type violation struct {
		ID, Help string
		Nodes    []struct {
			Target         []any
			HTML           string
			FailureSummary string
		}
	}
	tb.js(axe)
	result := do(tb, chromedp.Evaluate[struct{ Violations []violation }](`axe.run(document, {resultTypes: ["violations"]})`, chromedp.EvalAwaitPromise))
	for _, v := range result.Violations {
		for _, n := range v.Nodes {
			tb.Errorf("axe: %s: %s: %v %s\n%s", v.ID, v.Help, n.Target, n.HTML, n.FailureSummary)
		}
	}
}

// fits wants nothing to be wider than the window.
func (tb *tab) fits() {
	tb.Helper()
	if w := eval[[]int](tb, `[document.documentElement.scrollWidth, innerWidth]`); w[0] > w[1] {
		tb.Errorf("the page is %d wide, the window %d", w[0], w[1])
	}
}

// A cable leads from an address of its own to another, and can be cut.
type cable struct {
	url string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// lay lays a cable to url.
func lay(t *testing.T, url string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{url: "http://" + l.Addr().String() + "/"}
	t.Cleanup(func() { l.Close(); c.set(true) })
	to := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil || !c.add(in, out) {
				in.Close()
				continue
			}
			go io.Copy(out, in)
			go io.Copy(in, out)
		}
	}()
	return c
}

func (c *cable) add(in, out net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		out.Close()
		return false
	}
	c.conns = append(c.conns, in, out)
	return true
}

// set cuts the cable, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

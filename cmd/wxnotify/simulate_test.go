package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxnotify/internal/testkit"
)

// A scene is what happens to one message, and how the output says that it ended.
type scene struct {
	name     string
	triggers []string
	from     string // nobody else of the scenes is called so
	ends     string
	cards    int
}

// scenes of each user, one after the other. Who writes is not in the opening exchange:
// a message of one's own counts as having read the other's.
func scenes(user3 string) map[string][]scene {
	// Two taps of one second with one answer are one to WeChat's clock, which counts seconds: each has its own answer.
	popup := "wechat.popup openid=" + user3 + " status="
	return map[string][]scene{
		"user1": {
			{"online", []string{"im.message from=s-online to=user1 text=s-online"},
				"s-online", `no card: user1 is there, and IM itself showed "s-online" [came online]`, 0},
		},
		"user2": {
			{"the same callback five times", []string{"im.message --times 5 from=s-five to=user2 text=s-five"},
				"s-five", `one card told user2 of "s-five"; 3 permits left [delivered]`, 1},
			{"online, then gone within the blind window",
				[]string{"im.state user=user2 action=Login", "im.message from=s-gone to=user2 text=s-gone", "im.state user=user2 action=Disconnect"},
				"s-gone", `one card told user2 of "s-gone"; 2 permits left [delivered]`, 1},
			{"read first",
				[]string{"im.state user=user2 action=Login", "im.message from=s-read to=user2 text=s-read", "im.read user=user2 peer=s-read"},
				"s-read", `no card: user2 has read "s-read" [read]`, 0},
		},
		"user3": {
			{"no permit", []string{"im.message from=s-unpaid to=user3 text=s-unpaid"},
				"s-unpaid", `no card: user3 has no permit for "s-unpaid": a tap on "Allow" gives one [no permit]`, 0},
			{"a call", []string{popup + "accept", "im.call from=s-call to=user3 id=s-call"},
				"好友", `one card told user3 of the call of s-call; no permits left [delivered]`, 1},
			{"a mention in a new absence",
				[]string{popup + "acceptWithAudio", "im.state user=user3 action=Login", "im.group group=team from=s-mention at=user3 text=s-mention",
					"im.state user=user3 action=Disconnect"},
				"s-mention", `one card told user3 of "s-mention"; no permits left [delivered]`, 1},
			{"an announcement", []string{popup + "acceptWithForcePush", "announce.send to=user3 sender=s-shipped summary=s-shipped"},
				"s-shipped", `one card told user3 of "s-shipped"; no permits left [delivered]`, 1},
		},
	}
}

// awaitOpening waits for the end of the opening exchange and returns what the suggestions
// name.
func awaitOpening(t *testing.T, out *testkit.Output) (addr, user3 string) {
	t.Helper()
	out.Await(t, "There is more")
	f := strings.Fields(out.Await(t, "wxnotify trigger --addr"))
	addr = f[len(f)-5]
	_, user3, _ = strings.Cut(out.Await(t, "wechat.popup openid="), "openid=")
	if !strings.HasPrefix(addr, "127.0.0.1:") || !strings.HasPrefix(user3, "o") {
		t.Fatalf("the address is %q, user3 is %q in\n%s", addr, user3, out)
	}
	return addr, user3
}

func simArgs(t *testing.T) []string {
	return []string{"local", "--sim", "--addr=127.0.0.1:0", "--config=../../serverless.yml", "--build=" + functions(t)}
}

// pull runs wxnotify trigger.
func pull(t *testing.T, addr, line string) invocation {
	t.Helper()
	return wxnotify(t, nil, "", append([]string{"trigger", "--addr=" + addr}, strings.Fields(line)...)...)
}

// cardsFrom counts the cards in a story that name a sender.
func cardsFrom(story, sender string) int {
	n := 0
	for line := range strings.Lines(story) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "│" && f[1] == "发送人" && f[2] == sender {
			n++
		}
	}
	return n
}

func TestSimulation(t *testing.T) {
	args := simArgs(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	local := begin(t, "", args...)
	out := &local.out
	addr, user3 := awaitOpening(t, out)
	for _, s := range []string{
		`user2     is asked 5 times and taps "Allow": 5 permits`,
		`user1     writes to user2: "See you at 7!"`,
		"user2's phone", "消息内容  给您发来2条新消息", "消息数量  2", "pages/chat/index?peer=user1",
		"✓ one card told user2 of 2 messages; 4 permits left [delivered]",
	} {
		out.Await(t, s)
	}
	if s := out.String(); strings.Contains(s, "\x1b") || strings.Count(s, "'s phone ─") != 1 {
		t.Errorf("there are colours, or there is not one card:\n%s", s)
	}

	all := scenes(user3)
	t.Run("scenes", func(t *testing.T) {
		for user, scenes := range all {
			t.Run(user, func(t *testing.T) {
				t.Parallel()
				for _, sc := range scenes {
					for _, line := range sc.triggers {
						if got := pull(t, addr, line); got.code != 0 || !strings.Contains(got.out, "answer  200 ") {
							t.Fatalf("%s: %s: %+v", sc.name, line, got)
						}
					}
					out.Await(t, sc.ends)
				}
			})
		}
	})
	_, url, _ := strings.Cut(out.Await(t, storeURL+"="), storeURL+"=")
	url, _, _ = strings.Cut(url, " ")
	for user, want := range map[string]string{"user2": "notified, ", "nobody": "You are not logged in to the mini program"} {
		if got := wxnotify(t, map[string]string{storeURL: url}, "", "explain", "--lang=en", "--user="+user); got.code != 0 || !strings.Contains(got.out, want) {
			t.Errorf("explain %s: %+v, want %q", user, got, want)
		}
	}
	forged := wxnotify(t, map[string]string{"IM_CALLBACK_TOKEN": "forged"}, "", "trigger", "--addr="+addr, "im.message", "from=anna", "to=user2", "text=s-forged")
	if forged.code != exitFailure || !strings.Contains(forged.out, "answer  403") {
		t.Errorf("forged: %+v", forged)
	}
	out.Await(t, "✗ POST /imcallback is answered 403 Forbidden")

	local.interrupted(0, "")
	story, cards := out.String(), 1
	for _, scenes := range all {
		for _, sc := range scenes {
			if n := cardsFrom(story, sc.from); n != sc.cards {
				t.Errorf("%s: %d cards, want %d", sc.name, n, sc.cards)
			}
			cards += sc.cards
		}
	}
	if n := strings.Count(story, "'s phone ─"); n != cards {
		t.Errorf("%d cards in all, want %d", n, cards)
	}
	if n := strings.Count(story, `"s-five" (again)`); n != 4 {
		t.Errorf("%d repetitions are told of, want 4", n)
	}
	if !strings.HasPrefix(story, "\nwxnotify with a simulated WeChat and Tencent IM\n") {
		t.Error("the story does not begin with its introduction")
	}
	// Only the forged callback is worth a line of a log.
	if n := strings.Count(story, " warn ") + strings.Count(story, " error "); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
	if t.Failed() {
		t.Log(story)
	}
	nothingLeft(t, temp)
}

// nothingLeft checks that no function runs and no file is left.
func nothingLeft(t *testing.T, temp string) {
	t.Helper()
	if files, err := os.ReadDir(temp); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	exes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, exe := range exes {
		if target, err := os.Readlink(exe); err == nil && filepath.Dir(target) == functions(t) {
			t.Errorf("%s still runs", target)
		}
	}
}

// The program itself is interrupted at its busiest.
func TestSimulationInterrupted(t *testing.T) {
	temp := t.TempDir()
	p := startProcess(t, "TMPDIR="+temp, simArgs(t)...)
	p.out.Await(t, "logs in")
	p.signalled(t, os.Interrupt, 0)
	p.out.Await(t, "nothing is left running")
	nothingLeft(t, temp)
}

// A deployment to the simulated cloud, through its API and with settings that nobody was asked for, tells a user of a callback
// that was sent to the URL which the cloud gave.
func TestDeploySim(t *testing.T) {
	build := functions(t)
	if err := os.WriteFile(filepath.Join(build, notifyFile), []byte(ofProject(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(t.TempDir(), "env")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, "go run ./cmd/wxnotify deploy --sim --env-file " + env},
		{"", exitFailure, "is there already, and is left as it is"},
		{"--force", 0, "is written"},
	} {
		if code, says := initialize(t, env, "", append([]string{"--sim"}, strings.Fields(c.args)...)...); code != c.code || !strings.Contains(says, c.says) {
			t.Fatalf("init --sim %s: status %d: %s", c.args, code, says)
		}
	}
	deploying := begin(t, "", append(simLine(t), "--env-file="+env, "--config=../../serverless.yml", "--build="+build)...)
	out := &deploying.out
	for _, s := range []string{"to do: wxnotify-dev-imcallback: create it", "to do: wxnotify-dev-deliver: set its timer to 0 * * * * * *", "url/wxnotify-dev-imcallback"} {
		out.Await(t, s)
	}
	out.Await(t, "✓ one card told user2 of 2 messages; 4 permits left [delivered]")
	_, rest, _ := strings.Cut(out.String(), "imcallback http://")
	to, _, _ := strings.Cut(rest, "\n")
	sent := wxnotify(t, nil, "", "trigger", "--env-file="+env, "--to=http://"+strings.TrimSpace(to), "im.message", "from=ben", "to=user2", "text=s-deployed")
	if sent.code != 0 {
		t.Fatalf("%+v", sent)
	}
	out.Await(t, `one card told user2 of "s-deployed"`)
	deploying.interrupted(0, "29/29 wxnotify-dev-deliver: keep its events for six hours")
}

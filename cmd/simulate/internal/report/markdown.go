package report

import (
	"fmt"
	"strings"
	"time"

	"wxnotify/cmd/internal/table"
	"wxnotify/cmd/simulate/internal/measure"
)

// Markdown is the report.
func (r Report) Markdown() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p := r.History.Params
	say("# Simulation: what a permit is worth\n")
	say("Written by `make simulate`; changes belong into `cmd/simulate`.\n")
	say("%d days of %s users are made up from seed %d and played twice: to wxnotify (the real inbox, deliverer and store on %s, in virtual", p.Days, table.Number(p.Users), p.Seed, r.storeName())
	say("time), and to the naive rule of the documented demo: a card for each message, when IM says at that moment that the user is offline.")
	say("Both get the same messages and the same permits. An *absence* is from leaving to the next sign-in. It is *covered* when a card went")
	say("out in it. A permit pays for one card, so permits / absences bounds what any rule can cover.\n")
	say("> %s\n", r.Summary())
	say("![Share of absences covered over permits a user and day](simulation-covered.svg)\n")
	say("## Figures\n")
	say("%s", r.figures().Markdown())
	say("%s", r.goals())
	say("### How messages ended\n")
	say("Under wxnotify each message and call ends exactly once. The final states were counted (%s), and for %s messages of %d users each", r.balance(), table.Number(r.followed()), r.Rates[0].Users)
	say("one was read from the timeline as it came about: %s.\n", r.endings())
	say("%s", r.states(func(x Rate) *measure.Figures { return x.Wxnotify }).Markdown())
	say("Under the naive rule:\n")
	say("%s", r.states(func(x Rate) *measure.Figures { return x.Naive }).Markdown())
	say("### Where the permits of wxnotify went\n")
	say("%s", r.uses().Markdown())
	say("%s", r.causes().Markdown())
	say("Between the bound and what is covered lie three things. *Order*: permits cannot be spent before they are granted; \"reachable with")
	say("foresight\" is the most that could be covered by somebody who knew all absences beforehand, spent each permit on one that has messages,")
	say("and on nothing else. *Promise P5*: what came just before a user left is announced too, though nothing may arrive in that absence. And")
	say("*digests and calls*: somebody who has been told is told again when the permits left are more than they are expected to need. Until a user")
	say("has granted a few times, what they will need is a guess.\n")
	say("## Delay\n")
	say("From the first message of a covered absence, but for those recalled at once and calls that ended before they could be told, to its")
	say("first card. *Known to be offline*: IM's callback had told that they left. *Seen leaving")
	say("late*: IM still called them online when the message came. *Callback lost*: IM never told; the query at the end of the blind window finds")
	say("out. A call is announced at once, so some first cards are faster than `lead` (%v). Not shown: %s cards that went out before the first", r.Rules.Lead, table.Number(r.early()))
	say("message of the absence, for what had come just before it.\n")
	say("![Share of first cards that have gone out over the seconds since the message](simulation-delay.svg)\n")
	say("%s", r.assumptions())
	say("%s", r.definitions())
	say("%s", r.repeat())
	return b.String()
}

// goals says which goals were reached.
func (r Report) goals() string {
	t := table.New("goal", "measured", "reached")
	for _, x := range r.Rates {
		goal := 0.90
		if x.PerDay > 2 {
			goal = 0.85
		}
		t.Add(fmt.Sprintf("%g permits a day: covered at least %.2f of the bound", x.PerDay, goal),
			fmt.Sprintf("%.3f of it; with foresight %.2f", x.Wxnotify.OfBound(), x.Wxnotify.BestShare()/max(x.Wxnotify.Bound(), 1e-9)), yes(x.Wxnotify.OfBound() >= goal))
	}
	missed, useless := 0, 0
	for _, x := range r.Rates {
		missed, useless = missed+len(x.Wxnotify.Missed), useless+x.Wxnotify.Useless
	}
	t.Add("missed 0", table.Number(missed), yes(missed == 0))
	t.Add("useless 0", table.Number(useless), yes(useless == 0))
	return t.Markdown()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "**no**"
}

func (r Report) storeName() string {
	if r.Rates[0].Store == "miniredis" {
		return "miniredis"
	}
	return "a real redis-server"
}

func (r Report) balance() string {
	for _, x := range r.Rates {
		if x.Wxnotify.Waiting != 0 {
			return "they do not add up"
		}
	}
	return "their sum is the number of messages and calls"
}

func (r Report) followed() int {
	n := 0
	for _, x := range r.Rates {
		n += x.Followed
	}
	return n
}

func (r Report) endings() string {
	n := 0
	for _, x := range r.Rates {
		n += len(x.Unended)
	}
	if n == 0 {
		return "none has two, none has none"
	}
	return fmt.Sprintf("%d have not one", n)
}

func (r Report) early() int {
	n := 0
	for _, x := range r.Rates {
		n += x.Wxnotify.Early
	}
	return n
}

func (r Report) assumptions() string {
	return `## What is made up

Given: 4 to 12 sessions a user and day between 7:00 and 23:00, of 1 to 20 min (log-normal, median 5). 30 % of leavings are seen by IM 30
or 60 s late; until then it calls the user online. 5 % of its callbacks about coming and leaving never come; its answers to queries are
right all the same. 15 bursts of one-to-one messages a user and day (geometric, mean 4, gaps of 2 to 40 s), 30 % of them while they are in the
mini program. They read a conversation 1 to 300 s after they see something new in it, if they stay that long, and IM reports it. 2 calls a user
and day that ring for 30 s. 20 groups of 50; 2 % of their messages mention somebody. 1 % of messages are recalled, 1 % of callbacks
come twice. 0.5 % of sends get no answer, half of them after the card was shown. Permits are granted inside of sessions, several
taps together (geometric, mean 3).

Added, where nothing was given:

- Session starts are spread evenly over the hours; two sessions are at least 2 min apart. Sigma of the log-normal lengths is 0.7.
- The numbers of bursts and calls of a day are Poisson. Those that do not fall into a session fall anywhere into the rest of the 24 hours.
- Each user has 8 contacts, each burst and call is by one of them. They write through the operator's server and have no mini program.
- Of calls 30 % ring while they are there, as of bursts: of these 70 % are answered and 15 % rejected after 3 to 15 s. Of all others half
  are cancelled after 8 to 29 s, half ring to the end.
- A group has 50 messages a day between 7:00 and 23:00, by a host who is no user. One mention in ten is of everybody. They read a
  mention as they read a message, but IM does not report it.
- A message is recalled within 2 min. A callback is repeated within 10 s.
- In each session permits are asked for with the same probability, so that the rate comes out; taps are 2 to 8 s apart. Of each tap WeChat
  tells at once; of half of them the mini program reports too, up to 3 s later. WeChat reports on each card that was shown, 2 to
  6 s later.
- There is one template, for messages; calls, mentions and digests go with it. Nobody has muted anything, there are no quiet hours. Time
  moves in seconds. The limit of sends a second is not in force.
`
}

func (r Report) definitions() string {
	u := r.Rules
	var steps []string
	for _, d := range u.DigestSteps {
		steps = append(steps, short(d))
	}
	return fmt.Sprintf(`## How it is measured

By code of its own (`+"`cmd/simulate/internal/measure`"+`), which knows the history, what was told and when, and each request to WeChat: not what the
deliverer thought.

- **Absence with messages**: from really leaving to the next sign-in, with at least one message, mention or call in it. The time before a
  user's first sign-in is none. The last one ends with the simulation.
- **Covered**: a card of any kind was shown in it.
- **First cards** are the first of an absence that are not of a call, **digests** the later ones.
- **Useless**: when the send began, IM called the user online, or something on the card had been read as a report had told, had been
  recalled, or was a call that rang no longer. A card for a mention that had been read in the app is not: nobody tells (%s of them).
- **Missed** (promise P5): a message with a deadline, for which the user was still away then, that was unread and not recalled, with a
  permit on the ledger, was on no card by its deadline and one pass (1 s) more. The deadline is
  - the message and `+"`lead`"+` (%v), if IM called them offline when it came, and its last callback had said so;
  - else, if its callback about their leaving comes within the blind window: that and `+"`grace`"+` (%v), but at most the end of the window;
  - else the message and `+"`blind_window`"+` (%v), if IM calls them offline by then. If not, there is none: they came online;
  - of a call that rings: at once, or when IM is next asked after they left (5 s);
  - after a card in the same absence, as far as callbacks and read reports told of it: not before the step after that card (%s).
    A card that the rules kept back for coming absences is not missed.
- **The ledger** must be, for each user, the taps less the cards sent; a send without an answer and without a report counts as spent: %s.
`, table.Number(r.unseen()), u.Lead, u.Grace, u.BlindWindow, strings.Join(steps, ", "), r.ledgers())
}

// short writes a duration without its zeros.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (r Report) unseen() int {
	n := 0
	for _, x := range r.Rates {
		n += x.Wxnotify.Unseen
	}
	return n
}

func (r Report) ledgers() string {
	n := 0
	for _, x := range r.Rates {
		n += len(x.Wxnotify.Unaccounted)
	}
	if n > 0 {
		return fmt.Sprintf("%d are not", n)
	}
	return "all are"
}

func (r Report) repeat() string {
	p := r.History.Params
	var rates []string
	for _, x := range r.Rates {
		rates = append(rates, fmt.Sprintf("%g", x.PerDay))
	}
	return fmt.Sprintf(`## Again

`+"```sh"+`
make simulate                                          # all of this: minutes, on two cores
go run ./cmd/simulate --users %d --days %d --seed %d --rates %s
go run ./cmd/simulate --users 150 --seed 2 --out ""    # another history, smaller, nothing written
go run ./cmd/simulate --tune                           # settings of what digests keep back, side by side
`+"```"+`

Equal seeds make equal histories; the permits of each rate are drawn from the same seed, and so are the sends that get no answer. The last
line is the sum of it all. The exit status is 1 if anything was missed or useless, if a ledger does not add up, or if a message did
not end exactly once.
`, p.Users, p.Days, p.Seed, strings.Join(rates, ","))
}

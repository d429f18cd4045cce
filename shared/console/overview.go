package console

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/card"
	"wxnotify/shared/explain"
	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/permit"
	"wxnotify/shared/store"
)

// lateAfter is how long something may be due before somebody should look why.
const lateAfter = 2 * time.Minute

// An overviewAnswer is how the deployment stands.
type overviewAnswer struct {
	At     time.Time `json:"at"`
	Alerts []alert   `json:"alerts"`
	// Ends are all messages by state, since ever; EndsToday those of the last 24 hours, by state and reason.
	Ends      []end            `json:"ends"`
	EndsToday []end            `json:"endsToday"`
	Today     flows            `json:"today"`
	Errors    []named          `json:"errors"` // of the last 24 hours, by class
	Waiting   map[string]queue `json:"waiting"`
	Letters   int64            `json:"letters"` // users with dead letters
	Circuits  []circuit        `json:"circuits"`
	TokenEnds *time.Time       `json:"tokenEnds"`
	Watched   *time.Time       `json:"watchedUntil"`
}

// An alert is what an operator should look at.
type alert struct {
	Code  string `json:"code"`
	Words Words  `json:"words"`
}

type end struct {
	State  fact.State  `json:"state"`
	Reason fact.Reason `json:"reason,omitempty"`
	Words  Words       `json:"words"`
	Number int64       `json:"number"`
}

type named struct {
	Name   string `json:"name"`
	Number int64  `json:"number"`
}

// flows are what went in and out.
type flows struct {
	In        int64 `json:"in"`        // messages
	Cards     int64 `json:"cards"`     // delivered
	Announced int64 `json:"announced"` // messages on them
	Merged    int64 `json:"merged"`    // of these, those that took no card of their own
	Granted   int64 `json:"permitsGranted"`
	Spent     int64 `json:"permitsSpent"`
	Taken     int64 `json:"permitsTaken"`
	// PerMessage is how many permits an announced message cost.
	PerMessage *float64 `json:"permitsPerAnnounced"`
}

type queue struct {
	Length int64      `json:"length"`
	First  *time.Time `json:"first"` // when the first of it is, or was, due
}

type circuit struct {
	Name   string    `json:"name"`
	Until  time.Time `json:"until"`
	Detail string    `json:"detail"`
	Cure   Words     `json:"cure"`
}

// overview makes two trips.
func (c *Console) overview(ctx context.Context, q *query) (any, error) {
	if q.err != nil {
		return nil, q.err
	}
	o, err := store.ReadOverview(ctx, c.cfg.Store, c.cfg.AppID)
	if err != nil && o.At.IsZero() {
		return nil, err
	}
	hours, err2 := store.Metrics(ctx, c.cfg.Store, store.ByHour, o.At.Truncate(time.Hour).Add(-23*time.Hour), o.At)
	if err2 != nil {
		return nil, err2
	}
	today := map[fact.Metric]int64{}
	for _, counted := range hours {
		for m, n := range counted {
			today[m] += n
		}
	}
	a := overviewAnswer{At: o.At, Ends: []end{}, EndsToday: endsIn(today), Today: flowsIn(today), Errors: []named{}, Letters: o.Letters,
		Circuits: []circuit{}, TokenEnds: at(o.TokenEnds), Watched: at(o.WatchedUntil),
		Waiting: map[string]queue{"messages": queueOf(o.Messages), "calls": queueOf(o.Calls), "unknownCards": queueOf(o.Unknown)}}
	for _, state := range slices.Sorted(maps.Keys(o.Counts)) {
		a.Ends = append(a.Ends, end{State: state, Words: labelOf(state), Number: o.Counts[state]})
	}
	sortEnds(a.Ends)
	for _, m := range slices.Sorted(maps.Keys(today)) {
		if class, is := strings.CutPrefix(string(m), "error:"); is {
			a.Errors = append(a.Errors, named{class, today[m]})
		}
	}
	for _, open := range o.Circuits {
		a.Circuits = append(a.Circuits, circuit{open.Name, open.Until, open.Detail, cure(open)})
	}
	a.Alerts = c.alerts(o, err)
	return a, nil
}

func queueOf(b store.Backlog) queue { return queue{b.Length, at(b.First)} }

// flowsIn reads what went in and out.
func flowsIn(m map[fact.Metric]int64) flows {
	f := flows{In: m[fact.MetricIn], Granted: m[fact.MetricPermitsGranted], Spent: m[fact.MetricPermitsSpent],
		Taken: m[fact.MetricPermitsTaken]}
	for name, n := range m {
		if state, _, is := name.End(); is && state == fact.StateDelivered {
			f.Announced += n
		}
		if state, _, is := name.Card(); is && state == string(permit.CardDelivered) {
			f.Cards += n
		}
	}
	f.Merged = max(f.Announced-f.Cards, 0)
	if f.Announced > 0 {
		f.PerMessage = new(float64(f.Spent) / float64(f.Announced))
	}
	return f
}

// endsIn returns the ends in m, the most first.
func endsIn(m map[fact.Metric]int64) []end {
	ends := []end{}
	for name, n := range m {
		state, why, is := name.End()
		if !is {
			continue
		}
		words := labelOf(state)
		if why != fact.ReasonNone {
			words.English += " (" + explain.Because(why, "en") + ")"
			words.Chinese += "（" + explain.Because(why, "zh") + "）"
		}
		ends = append(ends, end{state, why, words, n})
	}
	sortEnds(ends)
	return ends
}

func sortEnds(ends []end) {
	slices.SortFunc(ends, func(x, y end) int {
		return cmp.Or(cmp.Compare(y.Number, x.Number), cmp.Compare(x.State, y.State), cmp.Compare(x.Reason, y.Reason))
	})
}

func labelOf(s fact.State) Words { return Words{explain.Label(s, "en"), explain.Label(s, "zh")} }

// alerts says what an operator should look at. unread is what could not be read.
func (c *Console) alerts(o store.Overview, unread error) []alert {
	out := []alert{}
	add := func(code, english, chinese string) { out = append(out, alert{code, Words{english, chinese}}) }
	if unread != nil {
		add("unreadable", "The store holds something that cannot be read: "+unread.Error(), "存储中有无法读取的内容："+unread.Error())
	}
	for _, open := range o.Circuits {
		w := cure(open)
		add("circuit", "Cards wait, "+open.Detail+": "+w.English, "提醒暂停（"+open.Detail+"）："+w.Chinese)
	}
	first := o.Messages.First
	if first.IsZero() || !o.Calls.First.IsZero() && o.Calls.First.Before(first) {
		first = o.Calls.First
	}
	if late := o.At.Sub(first); !first.IsZero() && late > lateAfter {
		if o.WatchedUntil.IsZero() {
			add("late", fmt.Sprintf("Something has been due for %v, and no run of deliver looks: see its timer and its log.", late.Round(time.Second)),
				fmt.Sprintf("有提醒已到期 %v，但 deliver 没有运行：请检查定时触发器和日志。", late.Round(time.Second)))
		} else {
			add("late", fmt.Sprintf("Something has been due for %v, though deliver is at work: see its log.", late.Round(time.Second)),
				fmt.Sprintf("有提醒已到期 %v，deliver 正在运行：请检查它的日志。", late.Round(time.Second)))
		}
	}
	if o.Letters > 0 {
		add("dead", fmt.Sprintf("Users with dead letters: %d. Look at them, mend the cause, and replay them.", o.Letters),
			fmt.Sprintf("有死信的用户：%d 位。请查看并排除原因，然后重新发起。", o.Letters))
	}
	if c.cfg.Conf.Fault != nil {
		add("misconfigured", "notify.yml has a fault: "+c.cfg.Conf.Fault.Error(), "notify.yml 有错误："+c.cfg.Conf.Fault.Error())
	}
	return out
}

// cure says what mends a circuit.
func cure(c notify.Circuit) Words {
	switch {
	case c.Name == notify.CircuitQuota:
		return Words{"WeChat's quota for the day is used up; cards wait for midnight in Beijing by themselves.", "微信当天的发送额度已用完；到北京时间零点自动恢复。"}
	case c.Detail == card.ClassMinute.String():
		return Words{"too many went out this minute; it goes on by itself. If this is often, lower limits.sends_per_second.", "这一分钟发送过多，会自动恢复；若经常出现，请调低 limits.sends_per_second。"}
	case c.Detail == card.ClassUnknownOpenID.String():
		return Words{"WeChat knew none of the last users: check WECHAT_APPID.", "微信查不到最近的用户：请检查 WECHAT_APPID。"}
	case c.Name != notify.CircuitApp:
		return Words{"WeChat refuses the cards of this template: see that it is still in the account, and that its id and keywords in notify.yml are right (wxnotify doctor).", "微信拒绝这个模板的提醒：请检查账号里是否还有它，notify.yml 里的模板 ID 和关键词是否正确（wxnotify doctor）。"}
	}
	return Words{"WeChat refuses all cards: the log line with this alert names the cure, and wxnotify doctor finds the setting. One card tries again by itself.", "微信拒绝所有提醒：带有此告警的日志给出了解决办法，wxnotify doctor 可以找出有误的设置。系统会自动用一条提醒重试。"}
}

// A span is what charts show: so many steps of a length.
type span struct {
	r    store.Resolution
	step time.Duration
	n    int
}

var spans = map[string]span{
	"hour":  {store.ByMinute, time.Minute, 60},
	"day":   {store.ByHour, time.Hour, 24},
	"week":  {store.ByHour, 6 * time.Hour, 28},
	"month": {store.ByHour, 24 * time.Hour, 31},
}

// A chartsAnswer is what happened, by steps of time.
type chartsAnswer struct {
	From time.Time `json:"from"`
	Step int       `json:"step"` // s
	// Steps are oldest first; the last goes on.
	Steps  []chartStep          `json:"steps"`
	States map[fact.State]Words `json:"states"` // what their names are in words
	// Delays are the names of the steps' delays, the shortest first.
	Delays []string `json:"delays"`
}

type chartStep struct {
	flows
	Ends   map[fact.State]int64 `json:"ends"`
	Errors map[string]int64     `json:"errors"` // by class
	// Delays are cards by the bound of their delay, in seconds; "more" is beyond all.
	Delays map[string]int64 `json:"delays"`
}

// delays are the names of all bounds, and of what is beyond them.
func delays() (names []string) {
	for _, d := range append(slices.Clone(fact.CardDelays), -1) {
		names = append(names, delayOf(d))
	}
	return names
}

// delayOf is how the bound of a delay is told.
func delayOf(within time.Duration) string {
	if within < 0 {
		return "more"
	}
	return strconv.Itoa(int(within.Seconds()))
}

// charts makes one trip.
func (c *Console) charts(ctx context.Context, q *query) (any, error) {
	name := q.one("span", "hour", "day", "week", "month")
	if q.err != nil {
		return nil, q.err
	}
	s := spans[name]
	until := c.cfg.Now().UTC().Truncate(s.r.Step).Add(s.r.Step)
	from := until.Add(-time.Duration(s.n) * s.step)
	found, err := store.Metrics(ctx, c.cfg.Store, s.r, from, until)
	if err != nil {
		return nil, err
	}
	sums := make([]map[fact.Metric]int64, s.n)
	for t, counted := range found {
		i := int(t.Sub(from) / s.step)
		if sums[i] == nil {
			sums[i] = map[fact.Metric]int64{}
		}
		for m, n := range counted {
			sums[i][m] += n
		}
	}
	a := chartsAnswer{From: from, Step: int(s.step.Seconds()), Steps: make([]chartStep, s.n), States: map[fact.State]Words{}, Delays: delays()}
	for i, sum := range sums {
		step := chartStep{flowsIn(sum), map[fact.State]int64{}, map[string]int64{}, map[string]int64{}}
		for m, n := range sum {
			if state, _, is := m.End(); is {
				step.Ends[state] += n
				a.States[state] = labelOf(state)
			}
			if class, is := strings.CutPrefix(string(m), "error:"); is {
				step.Errors[class] += n
			}
			if _, within, is := m.Card(); is && within != 0 {
				step.Delays[delayOf(within)] += n
			}
		}
		a.Steps[i] = step
	}
	return a, nil
}

package main

import (
	"strings"

	"wxnotify/cmd/internal/table"
)

// A language is what a page is written in.
type language struct {
	file, text string
	words      map[string]string // of cells that are not as they are made
	units      *strings.Replacer // of the other cells
}

// in returns a table in a language.
func (l language) in(t table.Table) string {
	say := func(cells []string) []string {
		out := make([]string, len(cells))
		for i, c := range cells {
			if word, known := l.words[c]; known {
				c = word
			} else if l.units != nil {
				c = l.units.Replace(c)
			}
			out[i] = c
		}
		return out
	}
	said := table.New(say(t.Head)...)
	for _, row := range t.Rows {
		said.Rows = append(said.Rows, say(row))
	}
	return said.Markdown()
}

// chinese has the labels of all tables.
var chinese = map[string]string{
	"goal": "目标", "before": "之前", "now": "现在", "reached": "达到", "yes": "是", "**missed**": "**未达到**",
	"cold start of receivers, to the no-op's":                      "接收函数的冷启动，与空函数之比",
	"events/s of receivers, to the no-op's":                        "接收函数每秒的事件数，与空函数之比",
	"CPU of receivers per event, to the no-op's":                   "接收函数每个事件的 CPU，与空函数之比",
	"Redis per callback":                                           "每个回调的 Redis 命令",
	"Redis per callback, time":                                     "每个回调的 Redis 时间",
	"Redis per card":                                               "每条提醒的 Redis 命令",
	"Redis per card, time":                                         "每条提醒的 Redis 时间",
	"a run woken for one card":                                     "为一条提醒而唤醒的运行",
	"callback to send beyond the lead at 200/s, p50":               "从回调到发送，除去 lead，每秒 200 个，p50",
	"a run of deliver, WeChat answering after 30 ms":               "一次 deliver 运行，微信 30 毫秒后应答",
	"a run of deliver for full mailboxes, its memory":              "一次 deliver 运行处理满的信箱时的内存",
	"one run for as many full mailboxes: cards/s":                  "一次运行处理同样多的满信箱：条/秒",
	"its memory, at most":                                          "其内存最多",
	"deliver billed at 500 callbacks/s, to the time that it takes": "每秒 500 个回调时 deliver 的计费时间，与实际时间之比",
	"cards sent of 500 callbacks/s, WeChat answering after 30 ms":  "每秒 500 个回调时发出的提醒，微信 30 毫秒后应答",
	"Redis per message an hour after its card":                     "提醒发出一小时后，每条消息占用的 Redis",
	"function":   "函数",
	noop:         "空函数",
	"MB":         "MB",
	"cold start": "冷启动", "to the no-op": "与空函数之比", "events/s": "事件/秒", "CPU per event": "CPU/事件",
	"commands": "命令", "scripts": "脚本", "time": "时间",
	toOffline: "发给不在线用户的消息", toOnline: "发给在线用户的消息", leaving: "用户离开", reading: "用户已读",
	"a card": "一条提醒", "a run of deliver that is woken for one card": "为一条提醒而唤醒的 deliver 运行",
	"users": "用户数", "commands of the next callback": "下一个回调的命令", "bytes a user": "字节/用户",
	"as shipped": "原样", "unpaced": "不限速",
	"one run works off the backlog: cards/s": "一次运行处理积压：条/秒",
	"billed":                                 "计费时间",
	"load: callbacks":                        "负载：回调",
	"cards":                                  "提醒",
	"until the last of them, or broken off":  "到最后一条为止，或中止",
	"wakes, the timer's included":            "唤醒次数，含定时触发",
	"runs at a time, at most":                "同时运行，最多",
	"billed, of all runs":                    "计费时间，所有运行",
}

var languages = []language{
	{file: "performance.md", text: pageText},
	{file: "performance.zh-CN.md", text: chinesePageText, words: chinese,
		units: strings.NewReplacer(" commands", " 条", " cards/s", " 条/秒", " bytes", " 字节", " ms", " 毫秒", " µs", " 微秒", " s", " 秒")},
}

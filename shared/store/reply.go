package store

import (
	"strconv"
	"time"
)

// A reply is what Redis answers to a command: a string, an int64, a []any of these, or nil for what
// is not there; or why it refuses.
type reply struct {
	of    command
	value any
	err   error
}

// pairs reads names and values, in turn.
func pairs(reply any) map[string]string {
	list, _ := reply.([]any)
	out := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		out[text(list[i])] = text(list[i+1])
	}
	return out
}

// text reads a string; what is none is "".
func text(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	}
	return ""
}

func number(v any) int64 { n, _ := v.(int64); return n }

// texts reads a list of strings; what is not there is "".
func texts(reply any) []string {
	list, _ := reply.([]any)
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = text(v)
	}
	return out
}

// scoreOf reads a score in ms; the zero time if there is none.
func scoreOf(reply any) time.Time {
	ms, err := strconv.ParseFloat(text(reply), 64)
	if err != nil {
		return time.Time{}
	}
	return millisOf(int64(ms))
}

// millis reads a time in ms; "" is the zero time.
func millis(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return millisOf(n)
}

func millisOf(n int64) time.Time { return time.UnixMilli(n).UTC() }

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf reads a time in ms; 0 is the zero time.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return millisOf(ms)
}

package im

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"wxnotify/shared/fact"
)

// A FieldError says that an authentic callback lacks something without which nothing
// can be made of it. It never repeats the value.
type FieldError struct {
	Command string // CallbackCommand
	Field   string // as IM writes it
	Problem string // such as "is missing"
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("im: %s: %s %s", e.Command, e.Field, e.Problem)
}

// maxIDLen bounds what we take for an id. IM's own limits are 32 bytes for accounts
// and 50 for a MsgKey; topic ids are longer.
const maxIDLen = 128

// fields reads the required fields of one callback and keeps the first problem.
type fields struct {
	object
	command string
	err     error
}

func (f *fields) fail(field, problem string) {
	if f.err == nil {
		f.err = &FieldError{Command: f.command, Field: field, Problem: problem}
	}
}

func (f *fields) requireID(name string) string { return f.requireIDIn(f.object, name, name) }

// requireIDIn reads name of o, which lies at path.
func (f *fields) requireIDIn(o object, name, path string) string {
	id := o.id(name)
	if problem := idProblem(id); problem != "" {
		f.fail(path, problem)
	}
	return id
}

func idProblem(id string) string {
	if id == "" {
		return "is missing"
	}
	if len(id) > maxIDLen {
		return fmt.Sprintf("is longer than %d bytes", maxIDLen)
	}
	for _, c := range id {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return "holds a control character, or one that is not UTF-8"
		}
	}
	return ""
}

// optionalID returns an id, or "" if it is absent or none.
func (o object) optionalID(name string) string {
	if id := o.id(name); idProblem(id) == "" {
		return id
	}
	return ""
}

// users returns those elements of a list that are account ids.
func (o object) users(name string) []fact.UserID {
	list, _ := o[name].([]any)
	var users []fact.UserID
	for _, v := range list {
		if id := (object{name: v}).id(name); idProblem(id) == "" {
			users = append(users, fact.UserID(id))
		}
	}
	return users
}

func (f *fields) requireUser(name string) fact.UserID { return fact.UserID(f.requireID(name)) }

func (f *fields) requireSecond(name string) time.Time {
	t, ok := f.second(name)
	if !ok {
		f.fail(name, "is missing or not a Unix time")
	}
	return t
}

func (f *fields) requireMoment(name string) time.Time {
	t, ok := f.moment(name)
	if !ok {
		f.fail(name, "is missing or not a Unix time")
	}
	return t
}

// uint32 returns an optional field; absent is 0. MsgSeq and MsgRandom exceed int32.
func (f *fields) uint32(name string) uint32 {
	if f.object[name] == nil {
		return 0
	}
	n, ok := f.integer(name)
	if !ok || n < 0 || n > math.MaxUint32 {
		f.fail(name, "is not an unsigned 32-bit number")
		return 0
	}
	return uint32(n)
}

func (f *fields) requireUint32(name string) uint32 {
	if f.object[name] == nil {
		f.fail(name, "is missing")
	}
	return f.uint32(name)
}

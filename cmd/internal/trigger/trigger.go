// Package trigger makes callbacks and pushes as IM and WeChat make them, signed and,
// if asked, encrypted, and what a backend announces, and sends them to any URL.
package trigger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxnotify/shared/secret"
)

// Settings are what a trigger is signed with, under the names of the environment.
type Settings struct {
	SDKAppID      string        // IM_SDKAPPID
	CallbackToken secret.String // IM_CALLBACK_TOKEN
	AppID         string        // WECHAT_APPID
	PushToken     secret.String // WECHAT_TOKEN
	AESKey        secret.String // WECHAT_ENCODING_AES_KEY
	Template      string        // TEMPLATE_MESSAGE: the default of template=
	AnnounceKey   secret.String // ANNOUNCE_KEY
}

// A Request is one callback, push or request of a backend, ready to be sent.
type Request struct {
	Function string // which of our functions receives such requests
	Method   string
	Query    url.Values
	Header   http.Header // beside the type of the content
	Body     []byte
	// Note says in a few words what it tells, with the ids that a later trigger needs.
	Note string
	// Answer is what a receiver must answer; empty: anything but an error status.
	Answer string
	// Uses names the settings that it was made of, sorted.
	Uses []string
}

// A maker makes requests of one name from arguments.
type maker struct {
	about string
	args  string
	make  func(a *args, s Settings, now time.Time) (Request, error)
}

const sealing = "[mode=plain|compatible|secure] [format=json|xml]"

var makers = map[string]maker{
	"im.message": {"somebody writes to somebody",
		"from= to= [text=] [key=] [before=0|1] [failed=CODE] [platform=Web|RESTAPI|...]", imMessage},
	"im.state":  {"somebody comes or goes", "user= [action=Disconnect|Login|Logout]", imState},
	"im.read":   {"somebody has read what another wrote", "user= peer= [upto=UNIX SECONDS]", imRead},
	"im.recall": {"somebody takes a message back; im.message tells its key", "from= to= key=", imRecall},
	"im.call": {"somebody calls somebody, and what becomes of it; how=ring tells the id",
		"from=CALLER to=CALLEE [how=ring|answer|reject|cancel|timeout] [id=] [media=audio|video] [ring=SECONDS] [generation=signal|webhook]", imCall},
	"im.group": {"somebody writes to a group; it tells the number of the message",
		"group= from= [text=] [at=USER,USER...] [all=0|1] [type=Private|Public|ChatRoom|Community] [seq=] [platform=Web|RESTAPI|...]", imGroup},
	"im.group-recall": {"messages of a group are taken back; im.group tells their numbers", "group= seq=NUMBER,NUMBER... [from=]", imGroupRecall},
	"wechat.verify":   {"WeChat checks the URL of the message push", "", wechatVerify},
	"wechat.popup":    {"a user answers the subscribe dialog", "openid= [status=accept] [template=] " + sealing, wechatPopup},
	"wechat.change":   {"a user switches a template off", "openid= [template=] " + sealing, wechatChange},
	"wechat.sent":     {"WeChat tells how a send ended", "openid= [msgid=] [code=0] [template=] " + sealing, wechatSent},
	"wechat.cancel":   {"a user wants to be forgotten", "openid= " + sealing, wechatCancel},
	"wechat.debug":    {"the event of WeChat's test tools", sealing, wechatDebug},
	"announce.send": {"your backend announces something of its own",
		"to=USER,USER... [kind=message] [id=] [sender=] [summary=] [group=] [time=] [peer=] [count=] [ttl=24h] [anyway=0|1]", announceSend},
}

// Names describes the names that New knows, sorted, each with its arguments.
func Names() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(makers)) {
		m := makers[name]
		fmt.Fprintf(&b, "  %-15s %s\n", name, m.about)
		if m.args != "" {
			fmt.Fprintf(&b, "  %-15s %s\n", "", m.args)
		}
	}
	return b.String()
}

// New makes the request called name of arguments written key=value. Its errors name
// the argument, and what may stand there.
func New(name string, pairs []string, s Settings, now time.Time) (Request, error) {
	m, ok := makers[name]
	if !ok {
		return Request{}, fmt.Errorf("%q is no trigger; there are:\n%s", name, strings.TrimSuffix(Names(), "\n"))
	}
	a, err := parseArgs(pairs)
	if err != nil {
		return Request{}, err
	}
	r, err := m.make(a, s, now)
	if err := errors.Join(err, a.err()); err != nil {
		return Request{}, fmt.Errorf("%s: %w\nits arguments: %s", name, err, cmp.Or(m.args, "none"))
	}
	r.Uses = slices.Sorted(maps.Keys(a.settings))
	return r, nil
}

// Send sends r to a URL and returns the status and the body of the answer. The URL
// may not have a query: IM and WeChat add their own.
func (r Request) Send(ctx context.Context, client *http.Client, to string) (status int, body string, err error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.RawQuery != "" {
		return 0, "", errors.New("--to: not a URL without a query, such as http://127.0.0.1:9000/imcallback")
	}
	u.RawQuery = r.Query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return 0, "", errors.New("--to: not a URL")
	}
	maps.Copy(req.Header, r.Header)
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		// The error would show the query, and with it the signature.
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return 0, "", fmt.Errorf("%s: %w", u.Host, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(b), err
}

// args are the arguments of a trigger. What is wrong with them is collected.
type args struct {
	values   map[string]string
	used     map[string]bool
	settings map[string]bool // those that were needed beside the arguments
	errs     []error
}

func parseArgs(pairs []string) (*args, error) {
	a := &args{values: map[string]string{}, used: map[string]bool{}, settings: map[string]bool{}}
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("%q is not written key=value", p)
		}
		if _, twice := a.values[k]; twice {
			return nil, fmt.Errorf("%s is given twice", k)
		}
		a.values[k] = v
	}
	return a, nil
}

// text returns an argument, or def.
func (a *args) text(name, def string) string {
	a.used[name] = true
	if v, ok := a.values[name]; ok {
		return v
	}
	return def
}

// uses notes the settings that go into the request.
func (a *args) uses(settings ...string) {
	for _, name := range settings {
		a.settings[name] = true
	}
}

// template returns the template that a push is about.
func (a *args) template(s Settings) string {
	if _, given := a.values["template"]; !given {
		a.uses("TEMPLATE_MESSAGE")
	}
	return a.text("template", s.Template)
}

// need returns an argument that must be there.
func (a *args) need(name string) string {
	v := a.text(name, "")
	if v == "" {
		a.errs = append(a.errs, fmt.Errorf("%s= is missing", name))
	}
	return v
}

// list returns what an argument names, separated by commas.
func (a *args) list(name string) []string {
	v := a.text(name, "")
	if v == "" {
		return nil
	}
	list := strings.Split(v, ",")
	if slices.Contains(list, "") {
		a.errs = append(a.errs, fmt.Errorf("%s=%s names nothing between two commas", name, v))
	}
	return list
}

// needList is list for an argument that must be there.
func (a *args) needList(name string) []string {
	a.need(name)
	return a.list(name)
}

// number returns an argument that is a whole number, or def.
func (a *args) number(name string, def int64) int64 {
	v := a.text(name, "")
	if v == "" {
		return def
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		a.errs = append(a.errs, fmt.Errorf("%s=%s is not a whole number", name, v))
	}
	return n
}

// oneOf returns an argument that is one of list; the first is the default.
func (a *args) oneOf(name string, list ...string) string {
	v := a.text(name, list[0])
	if !slices.Contains(list, v) {
		a.errs = append(a.errs, fmt.Errorf("%s=%s is none of %s", name, v, strings.Join(list, ", ")))
	}
	return v
}

func (a *args) err() error {
	for _, name := range slices.Sorted(maps.Keys(a.values)) {
		if !a.used[name] {
			a.errs = append(a.errs, fmt.Errorf("there is no argument %s=", name))
		}
	}
	return errors.Join(a.errs...)
}

// object is JSON with the order of its fields left to encoding/json.
type object map[string]any

func (o object) encode() ([]byte, error) { return json.Marshal(o) }

// nonce returns what is different in each request.
func nonce() string { return strings.ToLower(rand.Text()[:10]) }

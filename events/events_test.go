// Package events_test invokes the built functions with every event of this folder.
package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxnotify/shared/fact"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
	"wxnotify/shared/store"
)

const (
	ok      = `{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}`
	refused = `{"error":{"code":"forbidden","message":"not accepted"}}`
	nothing = `{"claimed":0,"sent":0,"merged":0,"cancelled":0,"retried":0,"dead":0}`
	echostr = "1372623149153871234"
	demo    = "demo-announce-key-0123456789abcdef0123456789" // of the program's own settings
)

// An answer is what an event is answered with where nothing is configured.
type answer struct {
	status int    // of the HTTP response; 0: the response is not HTTP
	body   string // part of it
	log    string // part of what the function logs, if that tells more than the body
}

var answers = map[string]answer{
	"imcallback/c2c-after":              {200, ok, ""},
	"imcallback/c2c-before":             {200, ok, ""},
	"imcallback/c2c-failed":             {200, ok, ""},
	"imcallback/c2c-image":              {200, ok, ""},
	"imcallback/c2c-typing":             {200, ok, ""},
	"imcallback/c2c-by-server":          {200, ok, ""},
	"imcallback/c2c-api-gateway":        {200, ok, ""},
	"imcallback/c2c-base64":             {200, ok, ""},
	"imcallback/c2c-api-gateway-base64": {200, ok, ""},
	"imcallback/c2c-forged":             {403, refused, "reason=bad_sign"},
	"imcallback/c2c-unsigned":           {403, refused, "reason=no_sign"},
	"imcallback/c2c-stale":              {403, refused, "reason=stale"},
	"imcallback/c2c-other-app":          {403, refused, "reason=other_app"},
	"imcallback/command-mismatch":       {400, fault("command_mismatch"), ""},
	"imcallback/malformed":              {400, fault("malformed_json"), ""},
	"imcallback/incomplete":             {200, ok, "field=To_Account"},
	"imcallback/state-login":            {200, ok, ""},
	"imcallback/state-logout":           {200, ok, ""},
	"imcallback/state-disconnect":       {200, ok, ""},
	"imcallback/read-report":            {200, ok, ""},
	"imcallback/recall":                 {200, ok, ""},
	"imcallback/group-mention":          {200, ok, ""},
	"imcallback/group-before":           {200, ok, ""},
	"imcallback/group-recall":           {200, ok, ""},
	"imcallback/call-invite":            {200, ok, ""},
	"imcallback/call-cancel":            {200, ok, ""},
	"imcallback/callkit-start":          {200, ok, ""},
	"imcallback/unknown-command":        {200, ok, "reason=unknown_command"},
	"imcallback/probe-empty":            {200, ok, "kind=probe"},
	"imcallback/probe-get":              {200, ok, "kind=probe"},
	"imcallback/probe-unsigned":         {200, ok, "kind=probe"},
	"imcallback/c2c-unclean":            {200, ok, ""},
	"imcallback/before-malformed":       {200, ok, "reason=malformed_json"},

	"wechatpush/verify":                      {200, echostr, "push url verified"},
	"wechatpush/verify-api-gateway":          {200, echostr, "push url verified"},
	"wechatpush/verify-forged":               {403, "refused", "reason=signature"},
	"wechatpush/popup-one":                   {200, "success", "kind=popup signed=false facts=1"},
	"wechatpush/popup-several":               {200, "success", "kind=popup signed=false facts=1"},
	"wechatpush/popup-rejected":              {200, "success", "kind=popup signed=false facts=0"},
	"wechatpush/popup-xml":                   {200, "success", "kind=popup signed=false facts=1"},
	"wechatpush/popup-api-gateway":           {200, "success", "kind=popup signed=false facts=1"},
	"wechatpush/popup-base64":                {200, "success", "kind=popup signed=false facts=1"},
	"wechatpush/popup-forged":                {403, "refused", "reason=signature"},
	"wechatpush/popup-stale":                 {403, "refused", "reason=stale"},
	"wechatpush/popup-encrypted-without-key": {403, "refused", "reason=no_key"},
	"wechatpush/doctype":                     {200, "success", "reason=markup"},
	// What is not signed may grant and nothing else, hence no fact.
	"wechatpush/change":                  {200, "success", "kind=change signed=false facts=0"},
	"wechatpush/sent":                    {200, "success", "kind=sent signed=false facts=0"},
	"wechatpush/authorization-cancelled": {200, "success", "kind=authorization_cancelled signed=false facts=0"},
	"wechatpush/debug-demo":              {200, "success", "kind=debug_demo"},
	"wechatpush/text-message":            {200, "success", "kind=message"},
	"wechatpush/text-message-xml":        {200, "success", "kind=message"},
	"wechatpush/cloud-hosting-probe":     {200, "success", "kind=probe"},

	// WeChat has to say whose code it is, and there is none.
	"session/login":                 {502, fault("wechat"), "connection refused"},
	"session/login-api-gateway":     {502, fault("wechat"), "connection refused"},
	"session/login-chosen-user":     {400, fault("userId"), ""},
	"session/login-without-code":    {400, fault("code"), ""},
	"session/login-malformed":       {400, fault("bad_json"), ""},
	"session/get":                   {405, fault("method_not_allowed"), ""},
	"session/erase":                 {204, "", ""},
	"session/erase-forged":          {401, fault("unauthorized"), "made for another user"},
	"permits/get":                   {401, fault("unauthorized"), "not bound"},
	"permits/get-api-gateway":       {401, fault("unauthorized"), "not bound"},
	"permits/get-wrong-bearer":      {401, fault("unauthorized"), "made for another user"},
	"permits/get-without-bearer":    {401, fault("unauthorized"), "Bearer"},
	"permits/report":                {401, fault("unauthorized"), "not bound"},
	"permits/report-rejected":       {401, fault("unauthorized"), "not bound"},
	"permits/report-banned":         {401, fault("unauthorized"), "not bound"},
	"permits/report-too-old":        {401, fault("unauthorized"), "not bound"},
	"permits/preferences":           {401, fault("unauthorized"), "not bound"},
	"permits/preferences-malformed": {401, fault("unauthorized"), "not bound"},
	"permits/put":                   {405, fault("method_not_allowed"), ""},

	"announce/one":                 {200, unbound("user2"), ""},
	"announce/one-base64":          {200, unbound("user2"), ""},
	"announce/one-api-gateway":     {200, unbound("user2"), ""},
	"announce/defaults":            {200, unbound("user2"), ""},
	"announce/several":             {200, unbound("user1", "user2", "user3"), "recipients=3 accepted=0"},
	"announce/unsigned":            {401, fault("unauthorized"), "signature header is missing"},
	"announce/forged":              {401, fault("unauthorized"), "does not fit"},
	"announce/stale":               {401, fault("unauthorized"), "five minutes"},
	"announce/unknown-field":       {400, fault("fields"), ""},
	"announce/unknown-key":         {400, fault("bad_json"), ""},
	"announce/own-kind":            {400, fault("kind"), ""},
	"announce/nobody":              {400, fault("to"), ""},
	"announce/twice-the-same-user": {400, fault("to"), ""},
	"announce/ttl-too-long":        {400, fault("ttl"), ""},
	"announce/get":                 {405, fault("method_not_allowed"), ""},

	"deliver/empty": {0, nothing, ""},
	"deliver/timer": {0, nothing, ""},
	"deliver/spill": {0, nothing, ""},
}

// fault is how an error looks in an answer of our own.
func fault(code string) string { return fmt.Sprintf(`"code":%q`, code) }

// unbound is how announce answers for users who never logged in.
func unbound(users ...string) string {
	results := make([]string, len(users))
	for i, u := range users {
		results[i] = fmt.Sprintf(`{"to":%q,"state":"not bound","reason":""}`, u)
	}
	return `{"results":[` + strings.Join(results, ",") + `]}`
}

// build is a folder with the functions, notify.yml, the program itself as "wxnotify",
// and an env file without a line.
var build string

func TestMain(m *testing.M) {
	var err error
	if build, err = os.MkdirTemp("", "wxnotify-events-"); err == nil {
		err = makeBuild()
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(build)
	os.Exit(code)
}

func makeBuild() error {
	args := []string{"build", "-ldflags=-s -w", "-o", build, "../cmd/wxnotify"}
	for _, f := range folders() {
		args = append(args, "../functions/"+f)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	rules, err := os.ReadFile("../notify.yml")
	return errors.Join(err, cmd.Run(),
		os.WriteFile(filepath.Join(build, "notify.yml"), rules, 0o600),
		os.WriteFile(filepath.Join(build, "empty.env"), nil, 0o600))
}

// folders returns the functions that the table has events for.
func folders() []string {
	set := map[string]bool{}
	for name := range answers {
		set[filepath.Dir(name)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// A result is what the function answered, and what the program printed beside it.
type result struct {
	status int
	body   string
	stderr string
}

// invoke sends an event through the program. Env is all that it knows of settings.
func invoke(t *testing.T, event string, env ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(build, "wxnotify"), "invoke", filepath.Dir(event),
		"--event", event+".json", "--build", build, "--config", "../serverless.yml", "--env-file", filepath.Join(build, "empty.env"))
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", event, err, stderr.String())
	}
	var res struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(stdout.Bytes(), &res); err != nil {
		t.Fatalf("%s: %v: %s", event, err, stdout.String())
	}
	if res.StatusCode == 0 {
		res.Body = stdout.String()
	}
	return result{res.StatusCode, res.Body, stderr.String()}
}

// Every event is answered on a machine where nothing is configured.
func TestEvents(t *testing.T) {
	readSources(t)
	for event, want := range answers {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, event)
			if got.status != want.status || !strings.Contains(got.body, want.body) || want.body == "" && got.body != "" {
				t.Errorf("answered %d %s\nwant %d %s\n%s", got.status, got.body, want.status, want.body, got.stderr)
			}
			if !strings.Contains(got.stderr, want.log) {
				t.Errorf("%q is not in the log:\n%s", want.log, got.stderr)
			}
		})
	}
}

// readSources looks at every file that the build was made of, because the go command
// keeps a test's result as long as what the test itself has looked at stays the same.
func readSources(t *testing.T) {
	t.Helper()
	for _, root := range []string{"../functions", "../shared", "../cmd", "../simulator", "../go.mod", "../serverless.yml"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, _ = os.Stat(path) // a file that is gone by now is none of the build's
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryFileIsInTheTable(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		name, isEvent := strings.CutSuffix(filepath.ToSlash(path), ".json")
		if _, known := answers[name]; isEvent && !known {
			t.Errorf("%s is not in the table", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The same events change something where the user whom they are about has logged in.
// The settings are those that the files are made for.
const (
	user     = fact.UserID("user2")
	openID   = fact.OpenID("oDemoUser2_0123456789abcdefgh")
	template = fact.TemplateID("demoTemplateMessage_0123456789abcdefghijklm")
)

func TestEventsOfABoundUser(t *testing.T) {
	const waits = `{"to":"user2","state":"accepted","reason":""}`
	for name, c := range map[string]struct {
		events            string            // each with the status of its answer
		says              map[string]string // parts of answers
		accepted, permits int
		ends              fact.State // of a message
	}{
		"the same tap again is one permit": {permits: 1, says: map[string]string{"permits/get": `"balance":1`},
			events: "permits/report 200 permits/report 200 permits/report-rejected 200 permits/report-too-old 400 permits/get 200"},
		"a push that is not signed takes nothing away": {events: "wechatpush/popup-base64 200 wechatpush/change 200", permits: 1},
		"preferences are kept": {events: "permits/preferences 200 permits/preferences-malformed 400 permits/get 200", says: map[string]string{
			"permits/preferences-malformed": "quietHours",
			"permits/get":                   `"preferences":{"muted":false,"quietHours":"22:30-07:00","mutedPeers":["user3"]}`}},
		"nothing is left of who is erased": {events: "permits/report 200 session/erase 204 permits/get 401"},
		"messages wait": {accepted: 3, events: "imcallback/c2c-after 200 imcallback/c2c-forged 403 imcallback/c2c-typing 200 " +
			"imcallback/c2c-api-gateway 200 imcallback/c2c-before 200"},
		"a message is read": {events: "imcallback/c2c-after 200 imcallback/read-report 200", accepted: 1, ends: fact.StateRead},
		"both sources tell of one call": {events: "imcallback/call-invite 200 imcallback/callkit-start 200 imcallback/call-cancel 200",
			accepted: 1, ends: fact.StateEnded},
		"announcements": {events: "announce/one 200 announce/defaults 200 announce/several 200 announce/forged 401 announce/own-kind 400", accepted: 3,
			says: map[string]string{"announce/one": waits, "announce/defaults": waits, "announce/several": waits}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBound(t)
			for words := strings.Fields(c.events); len(words) > 0; words = words[2:] {
				if body := b.send(words[0], words[1]); !strings.Contains(body, c.says[words[0]]) {
					t.Errorf("%s: %s", words[0], body)
				}
			}
			n, err := b.store.Balances(t.Context(), openID, []fact.TemplateID{template})
			if n[template] != c.permits || err != nil {
				t.Errorf("%d permits, want %d, %v", n[template], c.permits, err)
			}
			if accepted, ends := b.steps(); accepted != c.accepted || c.ends != "" && !slices.Contains(ends, c.ends) {
				t.Errorf("%d notices were accepted, they ended as %q; want %d, %q", accepted, ends, c.accepted, c.ends)
			}
		})
	}
}

// A bound is a store that knows the user, and functions that use it.
type bound struct {
	*testing.T
	store *store.Store
	env   []string
}

func newBound(t *testing.T) *bound {
	redis := "redis://" + miniredis.RunT(t).Addr()
	st, err := store.Open(store.Config{Now: time.Now, URL: secret.New(redis)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	if err := st.Bind(t.Context(), user, openID); err != nil {
		t.Fatal(err)
	}
	return &bound{t, st, append(example(t), "STORE_URL="+redis, "TEMPLATE_MESSAGE="+string(template))}
}

// send invokes a function with an event, which must be answered with status.
func (b *bound) send(event, status string) string {
	b.Helper()
	got := invoke(b.T, event, b.env...)
	if fmt.Sprint(got.status) != status {
		b.Fatalf("%s: answered %d %s\n%s", event, got.status, got.body, got.stderr)
	}
	return got.body
}

// steps counts the notices on the user's timeline, and returns how they ended.
func (b *bound) steps() (accepted int, ends []fact.State) {
	b.Helper()
	steps, err := b.store.Timeline(b.Context(), user)
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range steps {
		switch s.Kind {
		case notify.StepAccepted:
			accepted++
		case notify.StepFinal:
			ends = append(ends, s.State)
		}
	}
	return accepted, ends
}

// What is said in a group waits for deliver, which asks who is in it.
func TestGroupEvents(t *testing.T) {
	b := newBound(t)
	b.send("imcallback/group-before", "200")
	b.send("imcallback/group-mention", "200")
	if n, _ := b.steps(); n != 0 {
		t.Errorf("%d notices were accepted before deliver has asked", n)
	}
	spreads, err := b.store.FanOuts(t.Context(), 100)
	if err != nil || len(spreads) != 1 || !slices.Equal(spreads[0].Message.At, []fact.UserID{user}) {
		t.Fatalf("to be told in groups: %+v, %v", spreads, err)
	}
	b.send("imcallback/group-recall", "200")
	m := spreads[0].Message
	taken, err := b.store.Recalled(t.Context(), []notify.GroupMessageRef{{Group: m.Group, Seq: m.Seq}})
	if err != nil || !taken[m.ID()] {
		t.Errorf("taken back: %v, %v", taken, err)
	}
}

// example returns the settings of .env.example, as somebody has them who filled in the
// rest with the values that the event files are made for.
func example(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for line := range strings.Lines(string(text)) {
		if name, _, isSetting := strings.Cut(strings.TrimSpace(line), "="); isSetting && !strings.HasPrefix(line, "#") {
			env = append(env, name+"="+strings.TrimPrefix(strings.TrimSpace(line), name+"="))
		}
	}
	return append(env,
		"WECHAT_APPID=wx0123456789abcdef", "WECHAT_APPSECRET=0123456789abcdef0123456789abcdef", "WECHAT_TOKEN=demoWeChatToken",
		"IM_SDKAPPID=1400123456", "IM_SECRET_KEY="+strings.Repeat("demo0key", 8), "IM_CALLBACK_TOKEN=demoImCallbackToken",
		"USERID_KEY="+strings.Repeat("k", 32), "ANNOUNCE_KEY="+demo)
}

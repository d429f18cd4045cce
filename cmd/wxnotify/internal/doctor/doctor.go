// Package doctor looks at a deployment where it lives: at the store, WeChat, IM, the functions in the cloud and their URLs.
// It sends nothing to any user, and changes nothing: what it asks for can be asked any number of times. (WeChat's list of
// templates has a small daily quota, of which a look takes one.)
package doctor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	scf "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/scf/v20180416"

	"wxnotify/cmd/wxnotify/internal/check"
	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/wire"
)

// Input says what is looked at.
type Input struct {
	Check    check.Input       // the files, which are looked at first
	Settings map[string]string // what the file of settings says, and the environment over it
	// Cloud returns a client of SCF's API. Nil: there is no key for it.
	Cloud func(region string) (*scf.Client, error)
	// URLs are those of functions, by their keys, where no API tells them.
	URLs map[string]string
	// Seams are where the look touches the world; Now is required. Platform carries what is sent to URLs of functions.
	Seams wire.Seams
}

// A Report is what was found. None of its lists is nil.
type Report struct {
	Findings []check.Finding `json:"findings"` // the files' first, then in the order in which they are looked for
	Skipped  []Skip          `json:"skipped"`
	Seen     []string        `json:"seen"`      // what is good to know
	ByHand   []string        `json:"checklist"` // what no API shows
}

// A Skip is what could not be looked at.
type Skip struct {
	What    string `json:"what"`
	Because string `json:"because"`
}

// A look takes at most so long: at the platforms and the store together, then at the cloud, then at the URLs.
const (
	platformTime = 10 * time.Second
	cloudTime    = 10 * time.Second
	urlTime      = 8 * time.Second
)

// A doctor looks at one deployment.
type doctor struct {
	Input
	project *serverless.Project // nil: it cannot be read
	clocks  clocks
	noStore bool       // the store cannot be used by these settings
	chat    *im.Client // nil: IM does not take its calls
	differs []string   // functions that are not as they are wanted
}

// Run looks at everything. What fails keeps nothing else from being looked at, unless there would be no answer without it:
// that is in Skipped, once.
func Run(ctx context.Context, in Input) Report {
	d := &doctor{Input: in}
	if p, err := serverless.LoadStage(in.Check.Config, in.Check.Stage, func(name string) (string, bool) { return in.Settings[name], true }); err == nil {
		d.project = p
	}
	var store, wechat, chat, clocks, functions, callbacks, calls part
	found, _ := check.Run(ctx, in.Check)
	files := part{found: found}
	within(ctx, platformTime, func(ctx context.Context) { d.lookAtStore(ctx, &store) },
		func(ctx context.Context) { d.lookAtWeChat(ctx, &wechat) },
		func(ctx context.Context) { d.lookAtIM(ctx, &chat) })
	d.compareClocks(&clocks)
	urls := map[string]string{}
	within(ctx, cloudTime, func(ctx context.Context) { urls = d.lookAtFunctions(ctx, &functions) })
	within(ctx, urlTime, func(ctx context.Context) { d.callURLs(ctx, &calls, urls) },
		func(ctx context.Context) { d.compareCallbacks(ctx, &callbacks, urls["imcallback"]) })
	r := Report{Findings: []check.Finding{}, Skipped: []Skip{}, Seen: []string{}, ByHand: byHand(urls)}
	for _, p := range []part{files, clocks, store, wechat, chat, callbacks, functions, calls} {
		r.Findings = append(r.Findings, p.found...)
		r.Skipped = append(r.Skipped, p.skipped...)
		r.Seen = append(r.Seen, p.seen...)
	}
	return r
}

// within has all of do done, side by side, in a time.
func within(ctx context.Context, limit time.Duration, do ...func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wg sync.WaitGroup
	for _, f := range do {
		wg.Go(func() { f(ctx) })
	}
	wg.Wait()
}

// A part is what was found at one place.
type part struct {
	found   []check.Finding
	skipped []Skip
	seen    []string
}

// fault adds what must be mended.
func (p *part) fault(where, what, cure string) {
	p.found = append(p.found, check.Finding{Where: where, What: what, Cure: cure})
}

// warn adds what should be looked at.
func (p *part) warn(where, what, cure string) {
	p.found = append(p.found, check.Finding{Warning: true, Where: where, What: what, Cure: cure})
}

func (p *part) skip(what, because string) { p.skipped = append(p.skipped, Skip{what, because}) }

func (p *part) see(format string, args ...any) {
	p.seen = append(p.seen, fmt.Sprintf(format, args...))
}

func (d *doctor) getenv(name string) string { return d.Settings[name] }

// admin is who calls IM.
func (d *doctor) admin() fact.UserID {
	return fact.UserID(config.From(d.getenv).String("IM_ADMIN", string(im.DefaultAdmin)))
}

// lacks returns those of settings that are not set, or malformed, in words; "" if all can be used. The findings of the
// files say what is wrong with them.
func (d *doctor) lacks(settings ...string) string {
	var bad []string
	for _, name := range settings {
		v := d.Settings[name]
		if what, _ := check.Form(name, v); v == "" || config.Placeholder(v) || what != "" {
			bad = append(bad, name)
		}
	}
	if len(bad) == 0 {
		return ""
	}
	return strings.Join(bad, " and ") + " cannot be used"
}

package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

// codeAddress: the IP list of the REST API does not have the caller's address.
// Source: https://cloud.tencent.com/document/product/269/1671
const codeAddress = 60021

// lookAtIM asks whether the administrator is online, which wants all that deliver needs: the app, its key, an
// administrator, and the feature.
func (d *doctor) lookAtIM(ctx context.Context, p *part) {
	if lacks := d.lacks("IM_SDKAPPID", "IM_SECRET_KEY"); lacks != "" {
		p.skip("IM", lacks)
		return
	}
	env := config.From(d.getenv)
	c, err := im.NewClient(im.ClientConfig{Now: d.Seams.Now, SDKAppID: env.Number("IM_SDKAPPID"), SecretKey: secret.New(d.Settings["IM_SECRET_KEY"]), Admin: d.admin(),
		BaseURL: env.URL("IM_API_BASE", ""), HTTPClient: d.via(&d.clocks.im)})
	if err != nil || env.Err() != nil {
		p.skip("IM", "its settings cannot be used")
		return
	}
	_, err = c.Presence(ctx, []fact.UserID{d.admin()})
	e, said := errors.AsType[*im.APIError](err)
	switch {
	case err == nil:
		d.chat = c
		p.see("IM: it takes calls of %s, and says who is online", d.admin())
	case !said:
		p.fault("IM", err.Error(), "see that this machine reaches IM's REST API, and check IM_API_BASE")
	case e.Code == codeAddress:
		p.fault("IM", fmt.Sprintf("it answers %d, %s: its IP list is on, and has no address of this machine", e.Code, e.Info), "add it in the IM console, or run this where the functions are; their own address belongs there all the same")
	case e.Retry():
		p.warn("IM", fmt.Sprintf("it answers %d, %s", e.Code, e.Info), "it is busy: run this again")
	case e.NewUserSig():
		p.fault("IM", fmt.Sprintf("it answers %d, %s: our UserSig is refused", e.Code, e.Info), cmp.Or(e.Cure(), "set this machine's clock, and check that IM_SECRET_KEY is the key of IM_SDKAPPID"))
	default:
		p.fault("IM", fmt.Sprintf("it answers %d, %s", e.Code, e.Info), cmp.Or(e.Cure(), "IM's list of error codes explains it: https://cloud.tencent.com/document/product/269/1671"))
	}
}

// compareCallbacks compares where callbacks of calls go with the URL of imcallback; of other callbacks no API tells. Who
// uses no TUICallKit has none.
func (d *doctor) compareCallbacks(ctx context.Context, p *part, to string) {
	if d.chat == nil {
		return // IM has been told of
	}
	c, err := d.chat.CallCallback(ctx)
	var missing []string
	for _, name := range im.CallCommands() {
		if !slices.Contains(c.Commands, name) {
			missing = append(missing, name)
		}
	}
	switch {
	case err != nil:
		p.see("IM: it does not tell where callbacks of TUICallKit's calls go, as with an edition without them (%v)", err)
	case c.URL == "":
		p.see("IM: no callback of TUICallKit's calls is set; versions before 3.1 need none")
	case to != "" && hostOf(c.URL) != hostOf(to):
		p.warn("IM", "callbacks of TUICallKit's calls go to "+hostOf(c.URL)+", and not to imcallback", "set their URL on the page TUICallKit 回调 of the console, unless that one leads to imcallback too")
	case len(missing) > 0:
		p.warn("IM", "of TUICallKit's calls it does not tell "+strings.Join(missing, ", "), "tick them on the page TUICallKit 回调 of the console")
	}
}

// hostOf returns the host of a URL: the path does not matter to a function, and may hold what only IM is to know.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "a URL that cannot be read"
	}
	return u.Host
}

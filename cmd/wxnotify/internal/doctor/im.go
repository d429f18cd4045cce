package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"wxnotify/shared/config"
	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/secret"
)

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
		p.see("IM: it takes calls of %s, and says who is online", d.admin())
	case !said:
		p.fault("IM", err.Error(), "see that this machine reaches IM's REST API, and check IM_API_BASE")
	case e.Retry():
		p.warn("IM", fmt.Sprintf("it answers %d, %s", e.Code, e.Info), "it is busy: run this again")
	case e.NewUserSig():
		p.fault("IM", fmt.Sprintf("it answers %d, %s: our UserSig is refused", e.Code, e.Info), cmp.Or(e.Cure(), "set this machine's clock, and check that IM_SECRET_KEY is the key of IM_SDKAPPID"))
	default:
		p.fault("IM", fmt.Sprintf("it answers %d, %s", e.Code, e.Info), cmp.Or(e.Cure(), "IM's list of error codes explains it: https://cloud.tencent.com/document/product/269/1671"))
	}
}

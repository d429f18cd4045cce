package deliver

import (
	"context"

	"wxnotify/shared/guard"
	"wxnotify/shared/notify"
	"wxnotify/shared/stopwatch"
)

// resume ends what earlier runs began for recs and did not finish. A card that cannot
// be resolved now keeps no other waiting: its lease ends, and it is tried again.
func (p *pass) resume(ctx context.Context, recs []notify.Recipient) {
	var fs []notify.Finish
	for _, rec := range recs {
		if stopwatch.Short(ctx, wrapUp) {
			break
		}
		guard.Do(ctx, p.Log, func() {
			r, err := p.Store.Resolve(ctx, *rec.Open)
			if err != nil {
				p.Log.ErrorContext(ctx, "card not resolved, a later run resumes", "alert", "store", "card", rec.Open.ID, "error", err)
				return
			}
			fs = append(fs, *notify.Resume(p.Rules, p.Templates, rec, r, p.time()))
		})
	}
	p.finish(ctx, fs)
}

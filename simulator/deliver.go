package simulator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"wxnotify/shared/stopwatch"
)

// A delivery is something that a platform tells its customer over HTTP.
type delivery struct {
	name    string // for Faults and Record
	event   Event  // told after each try
	timeout time.Duration
	// build makes the request of one try; signatures are made anew each time.
	build func(now time.Time) (*http.Request, error)
	// judge reads the answer. An error means that it is not good enough.
	judge func(status int, body []byte) (code int, err error)
	// again says whether to try once more after the given failed try, and how long
	// after that try began. nil: never.
	again func(attempt int, err error) (after time.Duration, ok bool)
}

// errTimeout is the failure of a try that was not answered in time.
var errTimeout = errors.New("no answer in time")

// dispatch sends d as the package comment describes.
func (w *World) dispatch(d *delivery) {
	w.run(func() { w.attempt(d, 1) })
}

// attempt makes one try, or lets it wait if a fault says so.
func (w *World) attempt(d *delivery, n int) {
	e := w.Faults.take(d.name)
	switch {
	case e.lose:
		w.report(d, Exchange{At: w.now(), Name: d.name, Attempt: n, Fault: e.name, Err: "lost"})
	case e.hold:
		w.Faults.hold(e.pattern, func() { w.run(func() { w.try(d, n, e) }) })
	case e.delay > 0:
		w.after(e.delay, func() { w.try(d, n, e) })
	default:
		w.try(d, n, e)
	}
}

// try makes one try and arranges the next if it fails.
func (w *World) try(d *delivery, n int, e effect) {
	began := w.now()
	_, err := w.exchange(d, n, e)
	w.Faults.passed(d.name)
	if err == nil || d.again == nil || w.ctx.Err() != nil {
		return
	}
	after, ok := d.again(n, err)
	if !ok {
		return
	}
	wait := max(0, began.Add(after).Sub(w.now()))
	w.after(wait, func() { w.attempt(d, n+1) })
}

// exchange sends the request of one try and returns a good answer.
func (w *World) exchange(d *delivery, n int, e effect) (body []byte, err error) {
	x := Exchange{At: w.now(), Name: d.name, Attempt: n, Fault: e.name}
	defer func() {
		if err != nil {
			x.Err = err.Error()
		}
		w.report(d, x)
	}()
	if e.refuse {
		return nil, errors.New("connection refused")
	}
	if e.duplicate {
		if _, _, err := w.post(d); err != nil {
			w.cfg.Log.Debug("duplicate was not answered", "name", d.name, "error", err)
		}
	}
	watch := stopwatch.Start()
	status, body, err := w.post(d)
	x.Latency, x.Status = watch.Elapsed(), status
	switch {
	case err != nil:
		return nil, err
	case e.drop:
		x.Status = 0
		return nil, errTimeout
	case e.spoilsAnswer():
		return nil, errors.New("answer spoiled by a fault")
	}
	x.Code, err = d.judge(status, body)
	return body, err
}

func (w *World) report(d *delivery, x Exchange) {
	w.Record.add(x)
	ev := d.event
	ev.Code, ev.Attempt, ev.Latency, ev.Err, ev.Fault = x.Code, x.Attempt, x.Latency, x.Err, x.Fault
	w.tell(ev)
	if x.Err != "" {
		w.cfg.Log.Warn("delivery failed", "name", x.Name, "attempt", x.Attempt, "error", x.Err)
	}
}

// maxAnswer bounds what is read of a receiver's answer.
const maxAnswer = 64 << 10

func (w *World) post(d *delivery) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(w.ctx, d.timeout)
	defer cancel()
	r, err := d.build(w.now())
	if err != nil {
		return 0, nil, err
	}
	res, err := w.cfg.HTTPClient.Do(r.WithContext(ctx))
	if err != nil {
		return 0, nil, plainError(ctx, err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, plainError(ctx, err)
	}
	return res.StatusCode, body, nil
}

// plainError leaves out the URL, whose query holds a signature.
func plainError(ctx context.Context, err error) error {
	var timeout net.Error
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout() {
		return errTimeout
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

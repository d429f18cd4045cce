package im

import (
	"context"
	"fmt"
	"time"
)

// A Pacer parts a rate among all instances. It is safe for concurrent use.
type Pacer interface {
	// Pace takes n of what all together may do perSecond under name, and returns for
	// how long to wait before doing it.
	Pace(ctx context.Context, name string, perSecond, n int) (time.Duration, error)
}

// callsPerSecond is IM's limit for each API that a Client calls, per app.
// Source: https://cloud.tencent.com/document/product/269/93324
const callsPerSecond = 200

// paceTimeout is how long a pacer may think.
const paceTimeout = time.Second

// pace waits for the turn of one call of op. Its error means that the turn comes too
// late for ctx; it is then known at once. Without the pacer's answer nothing is waited
// for: IM keeps its limit itself, and says so with a code that is tried again.
func (c *Client) pace(ctx context.Context, op string) error {
	if c.pacer == nil {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, paceTimeout)
	wait, err := c.pacer.Pace(asking, "im:"+op, callsPerSecond, 1)
	cancel()
	if err != nil || wait <= 0 || pause(ctx, wait) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("im: %s: %w", op, err)
	}
	return fmt.Errorf("im: %s: its turn comes in %v: %w", op, wait, context.DeadlineExceeded)
}

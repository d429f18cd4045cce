package simulator_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/simulator"
)

func TestManualClockRunsInOrder(t *testing.T) {
	c := simulator.NewManualClock(start)
	var got []string
	say := func(s string) func() {
		return func() { got = append(got, s+" "+c.Now().Sub(start).String()) }
	}
	c.AfterFunc(3*time.Second, say("third"))
	c.AfterFunc(time.Second, func() {
		say("first")()
		c.AfterFunc(time.Second, say("second"))
		c.AfterFunc(time.Hour, say("never"))
	})
	c.AfterFunc(3*time.Second, say("fourth"))
	stop := c.AfterFunc(2*time.Second, say("stopped"))
	c.AfterFunc(0, say("at once"))
	stop()
	stop()
	if len(got) != 0 {
		t.Fatalf("AfterFunc itself ran %q", got)
	}
	if at, ok := c.Next(); !ok || !at.Equal(start) {
		t.Errorf("Next is %v, %v, want the start", at, ok)
	}
	c.Advance(3 * time.Second)
	want := []string{"at once 0s", "first 1s", "second 2s", "third 3s", "fourth 3s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if at, ok := c.Next(); !ok || at.Sub(start) != time.Hour+time.Second {
		t.Errorf("Next is %v, %v", at, ok)
	}
}

func TestManualClockGoesBack(t *testing.T) {
	c := simulator.NewManualClock(start)
	runs := 0
	c.AfterFunc(time.Minute, func() { runs++ })
	c.Set(start.Add(-time.Hour))
	if !c.Now().Equal(start.Add(-time.Hour)) || runs != 0 {
		t.Fatalf("now %v, %d runs", c.Now(), runs)
	}
	c.Set(start.Add(time.Minute))
	if runs != 1 {
		t.Errorf("%d runs, want 1", runs)
	}
	if _, ok := c.Next(); ok {
		t.Error("something still waits")
	}
}

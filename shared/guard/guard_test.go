package guard_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"wxnotify/shared/guard"
)

func TestPanicEndsItsOwnWorkOnly(t *testing.T) {
	for name, c := range map[string]struct {
		f      func()
		logged string
	}{
		"text":    {func() { panic("sesame") }, "string"},
		"error":   {func() { panic(errors.New("sesame")) }, "*errors.errorString"},
		"runtime": {func() { _ = []string(nil)[len("sesame")] }, "index out of range"},
		"none":    {func() {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&out, nil))
			if returned := guard.Do(t.Context(), log, c.f); returned != (c.logged == "") {
				t.Errorf("Do says that it returned: %v", returned)
			}
			var wg sync.WaitGroup
			guard.Go(t.Context(), log, &wg, c.f)
			wg.Wait()
			result := <-guard.Begin(t.Context(), log, func() int { c.f(); return 7 })
			if want := map[bool]int{true: 7}[c.logged == ""]; result != want {
				t.Errorf("result %d, want %d", result, want)
			}
			text := out.String()
			if strings.Contains(text, "sesame") {
				t.Errorf("what the panic held is in the log:\n%s", text)
			}
			want := 3
			if c.logged == "" {
				want = 0
			}
			if n := strings.Count(text, `"alert":"panic"`); n != want || strings.Count(text, c.logged) < want || strings.Count(text, "guard_test.go") < want {
				t.Errorf("%d alerts, want %d, with %q and the stack:\n%s", n, want, c.logged, text)
			}
		})
	}
}

package serverless_test

import (
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/cmd/wxnotify/internal/serverless"
	"wxnotify/shared/wire"
)

// A function is given what it reads, and nothing else: least of all the secrets of another.
func TestFunctionsGetWhatTheyRead(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	p, err := serverless.Load(filepath.Join(root, "serverless.yml"), func(string) (string, bool) { return "1", true })
	if err != nil {
		t.Fatal(err)
	}
	builds := wire.Builds(wire.Seams{})
	// What only tools set, and what the platform does.
	others := func(name string) bool {
		return name == "NOTIFY_FILE" || name == "TENCENT_API_BASE" || strings.HasPrefix(name, "TENCENTCLOUD_") || strings.HasPrefix(name, "SCF_")
	}
	for _, f := range p.Functions {
		read := map[string]bool{"LOG_LEVEL": true} // by what hosts every function
		for _, mode := range []string{"default", "trusted"} {
			_, _ = builds[f.Key](t.Context(), func(name string) string {
				read[name] = true
				return map[string]string{"SESSION_MODE": mode, "NOTIFY_FILE": filepath.Join(root, "notify.yml")}[name]
			}, slog.New(slog.DiscardHandler))
		}
		want := slices.DeleteFunc(slices.Sorted(maps.Keys(read)), others)
		if d := cmp.Diff(want, slices.Sorted(maps.Keys(f.Environment))); d != "" {
			t.Errorf("%s (- read, + given):\n%s", f.Key, d)
		}
	}
	if len(p.Functions) != len(builds) {
		t.Errorf("%d functions, of %d", len(p.Functions), len(builds))
	}
}

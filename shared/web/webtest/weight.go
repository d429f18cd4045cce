// Package webtest holds the local pages to what they have in common.
package webtest

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"testing"

	"wxnotify/shared/web"
)

// Weigh wants all that a page loads, its own assets and the shared ones, to take most bytes at most, compressed, and
// nothing of it to come from elsewhere, or to be a script or a style in the markup. get asks the page for a file.
func Weigh(t *testing.T, most int, get func(name string) *httptest.ResponseRecorder) {
	t.Helper()
	total := 0
	for _, folder := range []fs.FS{os.DirFS("assets"), web.Assets()} {
		err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), "LICENSE") || strings.HasSuffix(name, ".ts") {
				return err
			}
			w := get(name)
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			z.Write(w.Body.Bytes())
			z.Close()
			total += zipped.Len()
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d", name, w.Code)
			}
			for _, elsewhere := range []string{`src="http`, `href="http`, `from 'http`, "url(http", "@import", "<script>", "<style", " style=", "onclick="} {
				if strings.Contains(w.Body.String(), elsewhere) {
					t.Errorf("%s has %s", name, elsewhere)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if t.Logf("%d bytes", total); total > most || total < 5<<10 {
		t.Errorf("the page weighs %d bytes, compressed", total)
	}
}

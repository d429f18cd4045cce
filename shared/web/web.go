// Package web has what the pages of the local program share: how they are served, who may call them, a
// stream of events, and the styles, scripts and small components under assets.
//
// A page is a folder of plain files: ES modules, style sheets, no build step. It is served to this machine
// only, and what changes something is done for the page itself only: another page in the same browser
// can reach a loopback address too.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"wxnotify/shared/outbound"
)

//go:embed assets
var assets embed.FS

// Assets are the files that all pages share.
func Assets() fs.FS {
	shared, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the name is a constant
	}
	return shared
}

// policy lets a page load its own files and call its own server; it has no inline script or style, and
// no text becomes markup.
// Source: https://www.w3.org/TR/CSP3/, https://www.w3.org/TR/trusted-types/
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Guard lets only pages of this machine in: the name in Host is a loopback one, which another site's name
// that leads here is not, and what may change something comes from the page itself, as JSON.
func Guard(next http.Handler) http.Handler {
	return guard(next, func(r *http.Request) string {
		if why := elsewhere(r); why != "" {
			return why
		}
		return foreign(r, "http://")
	})
}

// GuardPublic is Guard for pages that are served under public names, over TLS: the names are not looked at.
func GuardPublic(next http.Handler) http.Handler {
	return guard(next, func(r *http.Request) string { return foreign(r, "https://") })
}

func guard(next http.Handler, refusal func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		switch why := refusal(r); {
		case why != "":
			Error(w, http.StatusForbidden, why)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// elsewhere says why r is not of this machine; nothing if it is.
func elsewhere(r *http.Request) string {
	name := r.Host
	if n, _, err := net.SplitHostPort(r.Host); err == nil {
		name = n
	}
	if !outbound.Loopback(strings.Trim(name, "[]")) || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return "this page is served to this machine only: open it by its loopback address"
	}
	return ""
}

// foreign says why r, which may change something, is not of the page itself; nothing if it is.
func foreign(r *http.Request, scheme string) string {
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return ""
	case r.Header.Get("Origin") != scheme+r.Host || site != "" && site != "same-origin":
		return "only the page itself may do that: Origin is another"
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "send Content-Type: application/json"
	}
	return ""
}

// Error answers {"error": text}.
func Error(w http.ResponseWriter, status int, text any) {
	JSON(w, status, map[string]any{"error": text})
}

// JSON answers v.
func JSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a page that has gone
}

// maxBody bounds what a page sends.
const maxBody = 64 << 10

// Decode reads the JSON of a request, of 64 KiB at most, into v. A field that v does not have is an error.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("one JSON value is wanted")
	}
	return nil
}

// kinds are the files that pages are made of.
var kinds = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

// Files serves files of the first of folders that has them; "" is index.html. Browsers ask each time
// whether theirs is still right.
func Files(folders ...fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			Error(w, http.StatusMethodNotAllowed, "files are read with GET")
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		kind := kinds[path.Ext(name)]
		for _, folder := range folders {
			b, err := fs.ReadFile(folder, name)
			if kind == "" || err != nil {
				continue
			}
			sum := sha256.Sum256(b)
			h := w.Header()
			h.Set("Content-Type", kind)
			h.Set("Cache-Control", "no-cache")
			h.Set("ETag", `"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
			http.ServeContent(w, r, name, time.Time{}, strings.NewReader(string(b)))
			return
		}
		http.NotFound(w, r)
	})
}

package scf_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxnotify/internal/testkit"
	"wxnotify/shared/scf"
)

// holds is what SSM answers of a secret.
func holds(value string) http.HandlerFunc {
	return say(200, `{"Response":{"RequestId":"r","SecretName":"n","VersionId":"v","SecretString":"`+value+`"}}`)
}

func fails(code string) http.HandlerFunc {
	return say(200, `{"Response":{"RequestId":"r","Error":{"Code":"`+code+`","Message":"sesame-key sesame-token"}}}`)
}

// A clock that a test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newSecrets(t *testing.T, base string, e env, c *clock) (*scf.Secrets, *lines) {
	t.Helper()
	log := &lines{}
	s, err := scf.NewSecrets(scf.SecretsConfig{APIBase: base, Getenv: e.get, Now: c.now, Log: scf.NewLogger(log, "test", nil)})
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// A secret is fetched with the credentials of the moment, kept for five minutes, and fetched again, in time or when it is
// refused, but not twice within half a minute.
func TestSecretIsKept(t *testing.T) {
	base, calls := startAPI(t, holds("value-1"), holds("value-2"), fails("InternalError"), holds("value-3"), holds(""))
	e, c := roleEnv(), &clock{testkit.Future}
	s, log := newSecrets(t, base, e, c)
	got, err := s.Get(t.Context(), "app", "v1.0")
	if err != nil || got.Reveal() != "value-1" {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "app", "v1.0"); err != nil {
		t.Error(err)
	}
	first := calls()
	if len(first) != 1 || first[0].Body["SecretName"] != "app" || first[0].Body["VersionId"] != "v1.0" || first[0].Header.Get("X-TC-Action") != "GetSecretValue" ||
		first[0].Header.Get("X-TC-Version") != "2019-09-23" || first[0].Header.Get("X-TC-Token") != "sesame-token" {
		t.Errorf("%+v", first)
	}
	step := func(what string, after time.Duration, do func(), asked int, value string) {
		t.Helper()
		c.Time = c.Add(after)
		do()
		if n := len(calls()); n != asked || got.Reveal() != value {
			t.Errorf("%s: asked %d times, want %d; it is %s, want %s", what, n, asked, got.Reveal(), value)
		}
	}
	refresh := func() { s.Refresh(t.Context()) }
	refused := func(used string, another bool) func() {
		return func() {
			if got.Renew(t.Context(), used) != another {
				t.Errorf("%s is refused: another is there: %t", used, !another)
			}
		}
	}
	step("young", 4*time.Minute, refresh, 0, "value-1")
	e["TENCENTCLOUD_SESSIONTOKEN"] = "next-token"
	step("old", time.Minute, refresh, 1, "value-2")
	step("what was replaced is refused", 0, refused("value-1", true), 0, "value-2")
	step("refused, and SSM fails", time.Second, refused("value-2", false), 1, "value-2")
	step("refused just after", 29*time.Second, refused("value-2", false), 0, "value-2")
	step("refused again", time.Second, refused("value-2", true), 1, "value-3")
	step("renewed is young", 4*time.Minute, refresh, 0, "value-3")
	step("emptied", time.Minute, refresh, 1, "value-3")
	if n := strings.Count(log.text(), "a secret was not fetched again; the value known before is used"); n != 2 {
		t.Errorf("%d failures are logged", n)
	}
	if text := log.text(); strings.Contains(text, "value-") {
		t.Errorf("the log shows a value: %s", text)
	}
}

// What SSM refuses is said with its cure, and at once unless it may pass.
func TestSecretRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		env     env
		calls   int
		says    string // in the error; empty: none
	}{
		"unknown":       {[]http.HandlerFunc{fails("ResourceNotFound.SecretNotExist")}, roleEnv(), 1, "create it, with this version"},
		"disabled":      {[]http.HandlerFunc{fails("ResourceUnavailable.ResourceDisabled")}, roleEnv(), 1, "enable it in the SSM console"},
		"no right":      {[]http.HandlerFunc{fails("UnauthorizedOperation")}, roleEnv(), 1, "the right ssm:GetSecretValue"},
		"no key":        {[]http.HandlerFunc{fails("UnauthorizedOperation.AccessKmsError")}, roleEnv(), 1, "kms:Decrypt"},
		"binary":        {[]http.HandlerFunc{say(200, `{"Response":{"RequestId":"r","SecretBinary":"AA=="}}`)}, roleEnv(), 1, "store the secret as text"},
		"empty":         {[]http.HandlerFunc{holds("")}, roleEnv(), 1, "neither empty nor binary"},
		"throttled":     {[]http.HandlerFunc{fails("RequestLimitExceeded"), fails("InternalError"), say(502, "gateway"), holds("value-1")}, roleEnv(), 4, ""},
		"another error": {[]http.HandlerFunc{fails("SomethingNew")}, roleEnv(), 1, "SomethingNew"},
	} {
		t.Run(name, func(t *testing.T) {
			base, calls := startAPI(t, c.answers...)
			s, _ := newSecrets(t, base, c.env, &clock{testkit.Future})
			_, err := s.Get(t.Context(), "app", "v1")
			if n := len(calls()); n != c.calls || (err == nil) != (c.says == "") {
				t.Errorf("%v, after %d calls, want %d", err, n, c.calls)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "sesame")) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	s, _ := newSecrets(t, "", env{}, &clock{testkit.Future})
	if _, err := s.Get(t.Context(), "app", "v1"); !errors.Is(err, scf.ErrNoCredentials) {
		t.Errorf("without a role: %v", err)
	}
}

// Whoever has no time does not wait.
func TestSecretsAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		silent := roundTrip(func(r *http.Request) (*http.Response, error) {
			if asked++; asked == 1 {
				w := httptest.NewRecorder()
				holds("value-1")(w, r)
				return w.Result(), nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		s, err := scf.NewSecrets(scf.SecretsConfig{Getenv: roleEnv().get, Now: time.Now, Log: scf.NewLogger(&lines{}, "test", nil), Transport: silent})
		if err != nil {
			t.Fatal(err)
		}
		takes := func(what string, want time.Duration, do func(ctx context.Context)) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), want+time.Minute)
			defer cancel()
			start := time.Now()
			do(ctx)
			if took := time.Since(start); took != want {
				t.Errorf("%s takes %v, want %v", what, took, want)
			}
		}
		if _, err := s.Get(t.Context(), "a", "v"); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Minute)
		takes("a refresh", 300*time.Millisecond, s.Refresh)
		takes("another just after", 0, s.Refresh)
		takes("a receiver", 500*time.Millisecond, func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			if _, err := s.Get(ctx, "b", "v"); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	})
}

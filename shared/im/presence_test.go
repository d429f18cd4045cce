package im_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/im"
	"wxnotify/shared/notify"
)

func TestPresencePartly(t *testing.T) {
	users := []notify.UserID{"a", "b", "c"}
	for _, c := range []struct {
		name, reply string
		want        map[notify.UserID]notify.Status
		code        int    // of the error; 0: none
		text        string // in the error
	}{
		{"one had trouble", `{"ErrorCode":0,"QueryResult":[{"To_Account":"b","Status":"Online"},{"To_Account":"a","Status":"Offline"}],
			"ErrorList":[{"To_Account":"c","ErrorCode":70169}]}`,
			map[notify.UserID]notify.Status{"a": notify.StatusOffline, "b": notify.StatusOnline}, 70169, "1 of 3"},
		{"one is not mentioned", `{"ErrorCode":0,"QueryResult":[{"To_Account":"b","Status":"Online"},{"To_Account":"a","Status":"Offline"}]}`,
			map[notify.UserID]notify.Status{"a": notify.StatusOffline, "b": notify.StatusOnline}, 0, "not in the reply (1 of 3)"},
		{"a status to come", `{"ErrorCode":0,"QueryResult":[{"To_Account":"a","Status":"Invisible"}]}`,
			map[notify.UserID]notify.Status{}, 0, "3 of 3"},
		{"the old key", `{"ErrorCode":0,"QueryResult":[{"To_Account":"a","State":"Online"}]}`,
			map[notify.UserID]notify.Status{}, 0, "3 of 3"},
		{"somebody else", `{"ErrorCode":0,"QueryResult":[{"To_Account":"x","Status":"Online"}],"ErrorList":[{"To_Account":"y","ErrorCode":70107}]}`,
			map[notify.UserID]notify.Status{}, 0, "not in the reply (3 of 3)"},
		{"all unknown, listed", `{"ErrorCode":70107,"ActionStatus":"FAIL","ErrorList":[{"To_Account":"a","ErrorCode":70107},
			{"To_Account":"b","ErrorCode":90048},{"To_Account":"c","ErrorCode":"40003"}]}`,
			map[notify.UserID]notify.Status{"a": notify.StatusOffline, "b": notify.StatusOffline, "c": notify.StatusOffline}, 0, ""},
		{"all failed, one of them unknown", `{"ErrorCode":70107,"ActionStatus":"FAIL","ErrorList":[{"To_Account":"a","ErrorCode":70107},
			{"To_Account":"b","ErrorCode":70402},{"To_Account":"c","ErrorCode":70402}]}`,
			map[notify.UserID]notify.Status{"a": notify.StatusOffline}, 70107, "2 of 3"},
		{"all failed, nobody named", `{"ErrorCode":70107,"ActionStatus":"FAIL"}`,
			map[notify.UserID]notify.Status{}, 70107, "3 of 3"},
		{"not an admin", `{"ErrorCode":90009,"ActionStatus":"FAIL","ErrorInfo":"no"}`,
			map[notify.UserID]notify.Status{}, 90009, "IM_ADMIN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeIM{t: t, answer: func(int, string, []byte) (int, string) { return 200, c.reply }}
			got, err := served(t, f).Presence(t.Context(), users)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (c.text == "") {
				t.Fatalf("error %v", err)
			}
			if err == nil {
				return
			}
			var api *im.APIError
			if errors.As(err, &api) != (c.code != 0) || api != nil && api.Code != c.code || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want code %d and %q", err, c.code, c.text)
			}
			if f.calls() != 1 {
				t.Errorf("%d calls, want 1", f.calls())
			}
		})
	}
}

func TestUnknownAccountAlone(t *testing.T) {
	for _, code := range []int{70107, 90048, 90012, 40003, 20003, 10019} {
		f := &fakeIM{t: t, answer: always(code, "no such account")}
		c := served(t, f)
		got, err := c.Presence(t.Context(), []notify.UserID{"a"})
		if err != nil || got["a"] != notify.StatusOffline {
			t.Errorf("%d: %v, %v; want offline", code, got, err)
		}
		names, err := c.Names(t.Context(), []notify.UserID{"a"})
		if err != nil || len(names) != 0 {
			t.Errorf("%d: %v, %v; want no name and no error", code, names, err)
		}
		_, _, err = c.Unread(t.Context(), "a", nil)
		var api *im.APIError
		if !errors.As(err, &api) || !api.UnknownAccount() {
			t.Errorf("%d: Unread: %v", code, err)
		}
	}
}

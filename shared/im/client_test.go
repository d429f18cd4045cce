package im_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wxnotify/shared/fact"
	"wxnotify/shared/im"
	"wxnotify/shared/notify"
	"wxnotify/shared/secret"
)

// exchange is one documented request with its reply.
type exchange struct {
	Path     string          `json:"path"`
	Request  json.RawMessage `json:"request"`
	Status   int             `json:"http_status"`
	Response json.RawMessage `json:"response"`
}

// replay serves one exchange and checks that it is asked as documented, but for ours in our
// request, which stands for what the example has there.
func replay(t *testing.T, sample, ours, example string) *fakeIM {
	t.Helper()
	var x exchange
	readJSON(t, filepath.Join("testdata/rest", sample+".json"), &x)
	return &fakeIM{t: t, answer: func(_ int, path string, request []byte) (int, string) {
		request = bytes.Replace(request, []byte(ours), []byte(example), 1)
		var want, got any
		if err := errors.Join(json.Unmarshal(x.Request, &want), json.Unmarshal(request, &got)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" || path != x.Path {
			t.Errorf("%s asked as %s:\n%s", x.Path, path, diff)
		}
		return x.Status, string(x.Response)
	}}
}

// TestReplayed: the documented requests and replies.
func TestReplayed(t *testing.T) {
	users := func(ids ...fact.UserID) []fact.UserID { return ids }
	presence := func(ids ...fact.UserID) func(*im.Client) (any, error) {
		return func(c *im.Client) (any, error) { return c.Presence(t.Context(), ids) }
	}
	members := func(group fact.GroupID, typ fact.GroupType, more bool) func(*im.Client) (any, error) {
		return func(c *im.Client) (any, error) {
			got, next, err := c.Members(t.Context(), group, typ, "")
			if (next != "") != more {
				t.Errorf("the next page of %s is %q", group, next)
			}
			return got, err
		}
	}
	const online, offline = notify.StatusOnline, notify.StatusOffline
	for _, c := range []struct {
		sample, ours, example string // some examples ask for more than we do, which does not disturb
		ask                   func(*im.Client) (any, error)
		want                  any // or the code of the error
	}{
		{"query_online_status", "", "", presence("id1", "id2", "id3", "id4"),
			map[fact.UserID]notify.Status{"id1": offline, "id2": online, "id3": notify.StatusPushOnline, "id4": offline}},
		{"query_online_status_detail", "{", `{"IsNeedDetail":1,`, presence("id1", "id2", "id4"),
			map[fact.UserID]notify.Status{"id1": online, "id2": offline, "id4": offline}},
		{"query_online_status_error", `["id1"]`, `[]`, presence("id1"), 90001},
		{"freq_limited", "", "", presence("id1"), 60007},
		{"usersig_expired", "", "", presence("id1"), 70001},
		{"portrait_get", `["Tag_Profile_IM_Nick"]`, `["Tag_Profile_IM_Nick","Tag_Profile_IM_Image"]`,
			func(c *im.Client) (any, error) { return c.Names(t.Context(), users("id1", "id2")) }, map[fact.UserID]string{"id1": "NickNameTest1"}},
		{"group_info", "", "", func(c *im.Client) (any, error) {
			return c.GroupNames(t.Context(), []fact.GroupID{"@TGS#1NVTZEAE4", "@TGS#1CXTZEAET"})
		}, map[fact.GroupID]string{"@TGS#1NVTZEAE4": "MyFirstGroup"}},
		{"group_members_page", `["MsgFlag"]`, `["Role","MsgFlag","MsgSeq"]`, members("@TGS#1NVTZEAE4", fact.GroupPublic, false),
			[]notify.Member{{User: "bob"}, {User: "peter", Muted: true}}},
		{"group_members_community", "", "", members("@TGS#_@TGS#cAVQXXXXXX", fact.GroupCommunity, true), []notify.Member{{User: "bob"}}},
		{"specified_members", "", "", func(c *im.Client) (any, error) {
			return c.MembersAmong(t.Context(), "@TGS#2KIFZCIPQ", users("bob", "peter", "John"))
		}, []notify.Member{{User: "peter", Muted: true}, {User: "bob"}}},
	} {
		t.Run(c.sample, func(t *testing.T) {
			got, err := c.ask(served(t, replay(t, c.sample, c.ours, c.example)))
			if code, ok := c.want.(int); ok {
				if api, ok := errors.AsType[*im.APIError](err); !ok || api.Code != code || api.Op != "query_online_status" || api.Info == "" {
					t.Errorf("%v, want code %d", err, code)
				}
			} else if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
	t.Run("unread", func(t *testing.T) {
		total, peers := replay(t, "unread_total", "", ""), replay(t, "unread_by_peer", "", "")
		f := &fakeIM{t: t, answer: func(n int, path string, request []byte) (int, string) {
			return []*fakeIM{total, peers}[n-1].answer(n, path, request)
		}}
		got, by, err := served(t, f).Unread(t.Context(), "dramon1", users("dramon2", "teacher", "dramon2", "teacher1"))
		if diff := cmp.Diff(map[fact.UserID]int{"dramon2": 12, "teacher": 12}, by); diff != "" || got != 12 || err != nil || f.calls() != 2 {
			t.Errorf("%d, %v after %d calls; want 12 after 2\n%s", got, err, f.calls(), diff)
		}
	})
}

func TestNewClientChecks(t *testing.T) {
	const open = "http://console.tim.qq.com"
	for _, cfg := range []im.ClientConfig{{BaseURL: open}, {BackupURL: open}} {
		cfg.SDKAppID, cfg.SecretKey, cfg.Now = testAppID, secret.New(testKey), time.Now
		if _, err := im.NewClient(cfg); err == nil || !strings.Contains(err.Error(), "IM_API_BASE must begin with https://") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if _, err := im.NewClient(im.ClientConfig{Now: time.Now}); err == nil || !strings.Contains(err.Error(), "IM_SDKAPPID") || !strings.Contains(err.Error(), "IM_SECRET_KEY") {
		t.Errorf("no settings: %v", err)
	}
}

// TestCallersClientIsLeftAlone: we add our redirect rule to a copy.
func TestCallersClientIsLeftAlone(t *testing.T) {
	f := &fakeIM{t: t, answer: always(0, "")}
	mine := &http.Client{Transport: f}
	newClient(t, im.ClientConfig{HTTPClient: mine})
	if mine.CheckRedirect != nil {
		t.Error("the caller's http.Client was changed")
	}
}

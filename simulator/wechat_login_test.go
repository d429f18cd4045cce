package simulator_test

import (
	"testing"
	"time"
)

func TestLoginCode(t *testing.T) {
	s := newFixture(t)
	c := s.Config().WeChat
	exchange := func(code string) map[string]any {
		return s.call("GET", "/sns/jscode2session?grant_type=authorization_code&appid="+c.AppID+
			"&secret="+c.AppSecret.Reveal()+"&js_code="+code, "")
	}
	openID := s.WeChat.NewUser()
	first := s.WeChat.Login(openID)
	m := exchange(first)
	if m["openid"] != openID || m["session_key"] == "" {
		t.Errorf("got %v, want openid %s", m, openID)
	}
	if _, ok := m["errcode"]; ok {
		t.Error("success has an errcode")
	}
	if got := code(t, exchange(first)); got != 40163 {
		t.Errorf("a used code earns %d, want 40163", got)
	}
	late := s.WeChat.Login(openID)
	s.clock.Advance(5 * time.Minute)
	if got := code(t, exchange(late)); got != 40029 {
		t.Errorf("a code of 5 min earns %d, want 40029", got)
	}
	if got := code(t, exchange("invented")); got != 40029 {
		t.Errorf("an invented code earns %d, want 40029", got)
	}
	if got := code(t, exchange("")); got != 41008 {
		t.Errorf("no code earns %d, want 41008", got)
	}
	if got := code(t, s.call("GET", "/sns/jscode2session?grant_type=authorization_code&appid="+c.AppID+"&secret=x&js_code=y", "")); got != 40125 {
		t.Errorf("a wrong secret earns %d, want 40125", got)
	}
}

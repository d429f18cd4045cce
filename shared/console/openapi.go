package console

import (
	"net/http"
	"reflect"
	"strings"
	"time"

	"wxnotify/shared/web"
)

// A route is a path of the API for those who are signed in.
type route struct {
	method, path string
	says         string // what it answers, for the document
	parameters   []string
	body         any // of a POST; nil: none
	answers      any
	answer       answerer
}

func (c *Console) routes() []route {
	return []route{
		{"GET", "/api/overview", "How the deployment stands, and what happened in the last 24 hours.", nil, nil, overviewAnswer{}, c.overview},
		{"GET", "/api/charts", "What happened, by steps of time. span: hour, day, week or month.", []string{"span"}, nil, chartsAnswer{}, c.charts},
		{"GET", "/api/explain", "What became of a message, of a card, or of all messages to a user, and why. by: user, message, card or openid.", []string{"by", "id"}, nil, explainAnswer{}, c.explain},
		{"GET", "/api/ledger", "The permits of a user, with every entry that is kept, and the cards. by: user or openid.", []string{"by", "id"}, nil, ledgerAnswer{}, c.ledger},
		{"GET", "/api/queue", "For whom something waits, the first due first. limit: 1 to 200.", []string{"limit"}, nil, queueAnswer{}, c.queue},
		{"GET", "/api/dead", "Cards that were given up, newest first. limit: 1 to 100.", []string{"limit"}, nil, deadAnswer{}, c.dead},
		{"GET", "/api/dead/trial", "What a replay of a dead letter would do.", []string{"user", "id"}, nil, trialAnswer{}, c.trial},
		{"POST", "/api/dead/replay", "Have the messages of a dead letter wait again. 409 if there is no such letter any more.", nil, replayBody{}, replayAnswer{}, c.replay},
		{"GET", "/api/settings", "The settings in effect, without secrets.", nil, nil, settingsAnswer{}, c.settings},
	}
}

type object = map[string]any

// document answers the OpenAPI document of the routes.
// Source: https://spec.openapis.org/oas/v3.1.0
func (c *Console) document(w http.ResponseWriter, _ *http.Request) {
	content := func(v any) object { return object{"application/json": object{"schema": schema(reflect.TypeOf(v))}} }
	refusal := object{"description": "Why not, in English and in Chinese.", "content": content(refusalAnswer{})}
	done := object{"description": "Done.", "content": content(struct{}{})}
	paths := object{"/api/session": object{
		"get":    object{"summary": "Whether the cookie is of a session.", "security": []any{}, "responses": object{"200": done, "default": refusal}},
		"post":   object{"summary": "Sign in: sets the cookie.", "security": []any{}, "requestBody": object{"content": content(signInBody{})}, "responses": object{"200": done, "default": refusal}},
		"delete": object{"summary": "Sign out.", "responses": object{"200": done, "default": refusal}},
	}}
	for _, r := range c.routes() {
		operation := object{"summary": r.says, "responses": object{"200": object{"description": "The answer.", "content": content(r.answers)}, "default": refusal}}
		parameters := []any{}
		for _, name := range r.parameters {
			parameters = append(parameters, object{"name": name, "in": "query", "required": name != "limit", "schema": object{"type": "string", "maxLength": mostID}})
		}
		operation["parameters"] = parameters
		if r.body != nil {
			operation["requestBody"] = object{"content": content(r.body)}
		}
		paths[r.path] = object{strings.ToLower(r.method): operation}
	}
	web.JSON(w, http.StatusOK, object{
		"openapi": "3.1.0",
		"info":    object{"title": "wxnotify console", "version": "1", "description": "Times are RFC 3339. What changes something is sent as application/json with the console's own Origin."},
		"paths":   paths, "security": []any{object{"session": []any{}}},
		"components": object{"securitySchemes": object{"session": object{"type": "apiKey", "in": "cookie", "name": cookieName}}},
	})
}

// schema describes a type as JSON has it.
func schema(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		s := schema(t.Elem())
		s["type"] = []any{s["type"], "null"}
		return s
	case t.Kind() == reflect.Struct:
		properties, required := object{}, []string{}
		for _, f := range reflect.VisibleFields(t) {
			name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || name == "" {
				continue // its fields are there themselves
			}
			properties[name] = schema(f.Type)
			if option == "" {
				required = append(required, name)
			}
		}
		return object{"type": "object", "properties": properties, "required": required}
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": schema(t.Elem())}
	case t.Kind() == reflect.Map:
		return object{"type": "object", "additionalProperties": schema(t.Elem())}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.Float64:
		return object{"type": "number"}
	case t.Kind() == reflect.String:
		return object{"type": "string"}
	}
	return object{"type": "integer"}
}

package im

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// codeNoCallCallback: TUICallKit has no callback configured.
const codeNoCallCallback = 100301

// A CallCallback is where the calls of TUICallKit's calls() API are told to, which has a callback of its own. The zero
// CallCallback is none.
type CallCallback struct {
	URL      string
	Commands []string // such as Call.CallbackAfterStartCall
}

// CallCallback tells where callbacks of calls go. For callbacks of chats there is no such API.
//
// Source: https://cloud.tencent.com/document/product/647/116419
func (c *Client) CallCallback(ctx context.Context) (CallCallback, error) {
	reply, err := c.call(ctx, "/v4/call_config/get_callback", map[string]any{})
	if e, ok := errors.AsType[*APIError](err); ok && e.Code == codeNoCallCallback {
		return CallCallback{}, nil
	}
	if err != nil {
		return CallCallback{}, err
	}
	of := reply.object("Response")
	out := CallCallback{URL: of.str("Url")}
	list, _ := of["CallbackCommandList"].([]any)
	for _, v := range list {
		if name, ok := v.(string); ok {
			out.Commands = append(out.Commands, name)
		}
	}
	return out, nil
}

// CallCommands are the callbacks of calls that mean something to us.
func CallCommands() (names []string) {
	for name := range decoders {
		if strings.HasPrefix(name, "Call.") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

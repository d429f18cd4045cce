package wire

import (
	"context"

	"wxnotify/shared/config"
	"wxnotify/shared/scf"
	"wxnotify/shared/secret"
)

// secrets are those that one function has by reference. They outlast an attempt to wire it.
type secrets struct {
	from *scf.Secrets // nil until there is a reference
}

func (s *secrets) get(ctx context.Context, w *wiring, r config.Reference) (secret.String, error) {
	if s.from == nil {
		from, err := scf.NewSecrets(scf.SecretsConfig{APIBase: w.URL("TENCENT_API_BASE", ""), Getenv: w.getenv, Now: w.Now, Log: w.log, Transport: w.Platform})
		if err != nil {
			return secret.String{}, err
		}
		s.from = from
	}
	return s.from.Get(ctx, r.Name, r.Version)
}

// refreshed returns h with its secrets kept up to date, if it has any.
func (s *secrets) refreshed(h scf.Handler) scf.Handler {
	if s.from == nil {
		return h
	}
	return refreshing{h, s.from}
}

// A refreshing handler has secrets that may change between events.
type refreshing struct {
	scf.Handler
	secrets *scf.Secrets
}

func (r refreshing) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	r.secrets.Refresh(ctx)
	return r.Handler.Invoke(ctx, event)
}

package main

import (
	"context"
	"log/slog"
	"time"
)

// A refresher takes what is new from a file, or from the passing of time. After an error it goes on with what it had.
type refresher interface {
	Refresh(now time.Time) (changed bool, err error)
}

// refreshInterval is how long a new certificate or a removed key may go unnoticed.
const refreshInterval = 10 * time.Second

// keepFresh refreshes all until ctx ends.
func keepFresh(ctx context.Context, all map[string]refresher, interval time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	last := map[string]string{} // the errors that were logged, so that each is logged once
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for name, r := range all {
				last[name] = refreshOne(name, r, now, last[name], log)
			}
		}
	}
}

func refreshOne(name string, r refresher, now time.Time, lastError string, log *slog.Logger) string {
	changed, err := r.Refresh(now)
	if err != nil {
		if err.Error() != lastError {
			log.Error("refresh failed, the one before stays in use", "what", name, "error", err)
		}
		return err.Error()
	}
	if changed {
		log.Info("refreshed", "what", name)
	}
	return ""
}

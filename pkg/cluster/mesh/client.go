package mesh

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Probe asks a process whether it lives, within Config.ProbeWithin. The error wraps ErrRefused or ErrWrongNode where the process is gone from that
// address, ErrTimeout or ErrUnreachable where nobody answered, ErrUntrusted where the secrets differ.
func (m *Mesh) Probe(ctx context.Context, p Peer) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.ProbeWithin)
	defer cancel()
	var s Status
	err := m.ask(ctx, p, http.MethodGet, probePath, nil, func(res *http.Response) error {
		if res.StatusCode != http.StatusOK {
			return unexpected(res)
		}
		return json.NewDecoder(io.LimitReader(res.Body, maxStatusBytes)).Decode(&s)
	})
	if err != nil {
		return Status{}, fmt.Errorf("probe node: %w", err)
	}
	return s, nil
}

// Record asks a process for its record of a room, at most 64 KiB; false says that it has none.
func (m *Mesh) Record(ctx context.Context, p Peer, rid string) (value []byte, ok bool, err error) {
	if !isID(rid) {
		return nil, false, fmt.Errorf("ask node for a room: %q is no id", rid)
	}
	err = m.ask(ctx, p, http.MethodGet, roomsPath+rid, nil, func(res *http.Response) error {
		switch res.StatusCode {
		case http.StatusNotFound:
			return nil
		case http.StatusOK:
			ok = true
			value, err = readAtMost(res.Body, maxRecordBytes)
			return err
		default:
			return unexpected(res)
		}
	})
	if err != nil {
		return nil, false, fmt.Errorf("ask node for a room: %w", err)
	}
	return value, ok, nil
}

// Handover gives a room to a process, which has taken it when there is no error. ErrDeclined says that it does not want it, with its reason; after
// any other error but ErrRefused, ErrWrongNode and ErrUnreachable it may have taken it all the same.
func (m *Mesh) Handover(ctx context.Context, p Peer, h Handover) error {
	if !isID(h.RID) || len(h.Data) > maxHandoverBytes {
		return fmt.Errorf("hand over a room: %q with %d bytes cannot be sent", h.RID, len(h.Data))
	}
	err := m.ask(ctx, p, http.MethodPost, roomsPath+h.RID+handoverPath, h.Data, func(res *http.Response) error {
		switch res.StatusCode {
		case http.StatusNoContent:
			return nil
		case http.StatusConflict:
			return fmt.Errorf("%w: %s", ErrDeclined, reasonIn(res))
		default:
			return unexpected(res)
		}
	})
	if err != nil {
		return fmt.Errorf("hand over a room: %w", err)
	}
	return nil
}

// ask sends a request of this node's own and reads its answer with read.
func (m *Mesh) ask(ctx context.Context, p Peer, method, path string, body []byte, read func(*http.Response) error) error {
	if !m.enter() {
		return ErrCut
	}
	defer m.busy.Done()
	l, err := m.link(p)
	if err != nil {
		return err
	}
	ctx, stop := l.within(ctx)
	defer stop()
	// The name is anyNode, not the address, which the transport would look at; only dial knows where the peer is.
	req, err := http.NewRequestWithContext(ctx, method, "https://"+anyNode+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := l.control.RoundTrip(req)
	if err != nil {
		return explained(ctx, err)
	}
	defer res.Body.Close()
	return explained(ctx, read(res))
}

func unexpected(res *http.Response) error {
	return fmt.Errorf("unexpected answer %d: %s", res.StatusCode, reasonIn(res))
}

// reasonIn returns the text of a refusal, or what there is of it.
func reasonIn(res *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxReasonBytes))
	return strings.TrimSpace(string(text))
}

// readAtMost reads all of r, which is an error where it is longer than limit.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("the answer has more than %d bytes", limit)
	}
	return data, err
}

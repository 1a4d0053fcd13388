package baseline_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"sfu/internal/plainsfu/baseline"
	"sfu/pkg/signaling/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAnswerComesFirst lets many join at once: what each hears first is the answer to its join, then what happens in the room.
func TestAnswerComesFirst(t *testing.T) {
	server, err := baseline.New(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, baseline.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		_ = server.Close()
		web.Close()
	})
	url := "ws" + strings.TrimPrefix(web.URL, "http") + "/v1/rooms/r/signal"
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Version}, HandshakeTimeout: 10 * time.Second}
	join := protocol.EncodeRequest(7, protocol.Join{Name: "one of many", Offers: []protocol.Offer{}})
	var conns []*websocket.Conn
	for range 200 {
		conn, response, err := dialer.Dial(url, http.Header{})
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
	}
	start := make(chan struct{})
	var joining sync.WaitGroup
	for _, conn := range conns {
		joining.Go(func() {
			<-start
			if err := conn.WriteMessage(websocket.TextMessage, join); err != nil {
				t.Error(err)
				return
			}
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			_, frame, err := conn.ReadMessage()
			if err != nil {
				t.Error(err)
				return
			}
			re, m, err := protocol.DecodeServer(frame)
			if _, joined := m.(protocol.Joined); err != nil || re != 7 || !joined {
				t.Errorf("the first message is %d %T, %v", re, m, err)
			}
		})
	}
	close(start)
	joining.Wait()
}

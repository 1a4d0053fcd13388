package mesh_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/cluster/mesh"
)

// TestManyWebSockets opens 200 at once, which talk, and all of which are counted.
func TestManyWebSockets(t *testing.T) {
	const clients = 200
	edge, owner := pair(t)
	owner.signal.HandleFunc("GET /v1/rooms/{room}/signal", echo(t, nil))
	var all sync.WaitGroup
	opened := make(chan struct{}, clients)
	ready := make(chan struct{})
	for i := range clients {
		all.Go(func() {
			ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(edge.front.URL, "http")+"/v1/rooms/kitchen/signal", nil)
			opened <- struct{}{}
			if err != nil {
				t.Errorf("%d: %v", i, err)
				return
			}
			defer ws.Close()
			<-ready
			for _, size := range []int{1, 511, 512, 513, 4095, 4096, 4097, 40_000} {
				message := bytes.Repeat([]byte{byte(i)}, size)
				if err := ws.WriteMessage(websocket.BinaryMessage, message); err != nil {
					t.Errorf("%d: %v", i, err)
					return
				}
				if _, got, err := ws.ReadMessage(); err != nil || !bytes.Equal(got, message) {
					t.Errorf("%d: %d of %d bytes came back: %v", i, len(got), size, err)
					return
				}
			}
		})
	}
	for range clients {
		<-opened
	}
	if e, o := edge.Stats().EdgeConnections, owner.Stats().OwnerConnections; e != clients || o != clients {
		t.Errorf("%d at the edge, %d at the owner", e, o)
	}
	close(ready)
	all.Wait()
	eventually(t, "all are gone", func() bool { return edge.Stats().EdgeConnections == 0 && owner.Stats().OwnerConnections == 0 })
	if s := edge.Stats(); s != (mesh.Stats{}) {
		t.Errorf("%+v", s)
	}
}

func TestUpgradeThatTheHandlerRefuses(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "2")
		http.Error(w, strings.Repeat("full ", 2000), http.StatusServiceUnavailable)
	})
	_, res, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(edge.front.URL, "http")+"/v1/x", nil)
	if err == nil || res == nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "2" || len(edge.failures()) > 0 {
		t.Errorf("%+v, %v", res, edge.failures())
	}
	if edge.Stats().EdgeConnections != 0 || owner.Stats().OwnerConnections != 0 {
		t.Errorf("%+v, %+v", edge.Stats(), owner.Stats())
	}
}

// rawUpgrade asks for a WebSocket on a bare connection. What is in more follows the request in the same segment.
func (n *node) rawUpgrade(t *testing.T, more string) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", n.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(conn, "GET /v1/x HTTP/1.1\r\nHost: meet\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSfu-Hop: 1\r\n\r\n"+more)
	if err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("%v, %v", res, err)
	}
	return conn.(*net.TCPConn), reader
}

// raw hands the connection of an upgraded request to talk, after saying first in the same segment as the answer.
func raw(t *testing.T, first string, talk func(net.Conn, *bufio.Reader)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + first)
		_ = rw.Flush()
		go func() {
			defer conn.Close()
			talk(conn, rw.Reader)
		}()
	}
}

// TestBytesAroundTheUpgrade sends before the other side can have taken it for a WebSocket, and ends one direction before the other.
func TestBytesAroundTheUpgrade(t *testing.T) {
	edge, owner := pair(t)
	heard := make(chan string, 1)
	owner.signal.HandleFunc("/", raw(t, "early from owner;", func(conn net.Conn, r *bufio.Reader) {
		all, err := io.ReadAll(r)
		heard <- fmt.Sprint(string(all), err)
		_, _ = io.WriteString(conn, "late from owner")
	}))
	client, reader := edge.rawUpgrade(t, "early from client;")
	_, _ = io.WriteString(client, "late from client")
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "early from client;late from client<nil>" {
		t.Errorf("the owner heard %q", got)
	}
	if got, err := io.ReadAll(reader); string(got) != "early from owner;late from owner" || err != nil {
		t.Errorf("the client heard %q, %v", got, err)
	}
}

func TestOwnerThatEndsIsTheEnd(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", raw(t, "bye", func(net.Conn, *bufio.Reader) {}))
	client, reader := edge.rawUpgrade(t, "")
	if got, err := io.ReadAll(reader); string(got) != "bye" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if s := edge.Stats().EdgeConnections; s != 1 {
		t.Errorf("%d connections while the client has not ended", s)
	}
	_ = client.Close()
	eventually(t, "it is cleared up", func() bool { return edge.Stats().EdgeConnections == 0 })
}

// TestClientThatDoesNotEnd has LingerWithin after the owner has ended.
func TestClientThatDoesNotEnd(t *testing.T) {
	edge := newNode(t, "edge", func(c *mesh.Config) { c.LingerWithin = time.Millisecond })
	owner := newNode(t, "owner", nil)
	edge.to(owner.peer, "1-1")
	owner.signal.HandleFunc("/", raw(t, "bye", func(net.Conn, *bufio.Reader) {}))
	edge.rawUpgrade(t, "")
	eventually(t, "it is cleared up", func() bool { return edge.Stats().EdgeConnections == 0 })
}

func TestOwnerThatIsKilled(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", echo(t, nil))
	ws := edge.open(t, "/v1/x")
	says(t, ws, "hello")
	owner.listener.kill()
	if _, _, err := ws.ReadMessage(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client reads: %v", err)
	}
}

func TestClientThatGoes(t *testing.T) {
	for name, reset := range map[string]bool{"closes": false, "resets": true} {
		t.Run(name, func(t *testing.T) {
			edge, owner := pair(t)
			ended := make(chan error, 1)
			owner.signal.HandleFunc("/", echo(t, func(err error) { ended <- err }))
			ws := edge.open(t, "/v1/x")
			says(t, ws, "hello")
			if reset {
				_ = ws.NetConn().(*net.TCPConn).SetLinger(0)
			}
			_ = ws.NetConn().Close()
			if err := <-ended; !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the owner reads: %v", err)
			}
		})
	}
}

// TestCloseHandshake brings code and reason through.
func TestCloseHandshake(t *testing.T) {
	edge, owner := pair(t)
	ended := make(chan error, 1)
	owner.signal.HandleFunc("/", echo(t, func(err error) { ended <- err }))
	ws := edge.open(t, "/v1/x")
	_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4321, "enough"), time.Now().Add(patience))
	if err := <-ended; !websocket.IsCloseError(err, 4321) {
		t.Errorf("the owner reads: %v", err)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 4321) {
		t.Errorf("the client reads: %v", err)
	}
}

// TestClientWithTLS ends in each way that there is, on connections whose ends are messages too.
func TestClientWithTLS(t *testing.T) {
	edge, owner := pair(t)
	ended := make(chan error, 1)
	owner.signal.HandleFunc("/", echo(t, func(err error) { ended <- err }))
	front := httptest.NewTLSServer(http.HandlerFunc(edge.serveClient))
	defer front.Close()
	dialer := websocket.Dialer{TLSClientConfig: front.Client().Transport.(*http.Transport).TLSClientConfig}
	for name, end := range map[string]func(*websocket.Conn){
		"the client closes": func(ws *websocket.Conn) { _ = ws.Close() },
		"the client hangs up": func(ws *websocket.Conn) {
			_ = ws.NetConn().(*tls.Conn).NetConn().Close()
		},
		"the client says why": func(ws *websocket.Conn) {
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4321, ""), time.Now().Add(patience))
			if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, 4321) {
				t.Errorf("the client reads: %v", err)
			}
			if _, err := ws.NetConn().Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after the end of the owner the client reads: %v", err)
			}
		},
		"it is cut": func(ws *websocket.Conn) {
			edge.Cut("owner")
			if _, _, err := ws.ReadMessage(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the client reads: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ws, _, err := dialer.Dial("wss"+strings.TrimPrefix(front.URL, "https")+"/v1/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer ws.Close()
			_ = ws.SetReadDeadline(time.Now().Add(patience))
			says(t, ws, strings.Repeat("x", 100_000))
			end(ws)
			<-ended
			_ = ws.Close()
			eventually(t, "it is cleared up", func() bool { return edge.Stats().EdgeConnections == 0 })
		})
	}
}

// TestCut ends what is shared with one peer and nothing else, whichever of the two declares the other dead.
func TestCut(t *testing.T) {
	for _, by := range []string{"edge", "owner"} {
		t.Run(by, func(t *testing.T) {
			edge, owner := pair(t)
			other := newNode(t, "other", nil)
			owner.signal.HandleFunc("/", echo(t, nil))
			other.signal.HandleFunc("/", echo(t, nil))
			cut := edge.open(t, "/v1/x")
			edge.to(other.peer, "1-1")
			kept := edge.open(t, "/v1/x")
			says(t, cut, "hello")
			judge := edge
			if by == "edge" {
				edge.Cut("owner")
			} else {
				judge = owner
				owner.Cut("edge")
			}
			if _, _, err := cut.ReadMessage(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the client reads: %v", err)
			}
			_ = cut.Close()
			says(t, kept, "still here")
			if judge.Stats().CutErrors != 1 {
				t.Errorf("%+v", judge.Stats())
			}
			eventually(t, "only one is left", func() bool { return edge.Stats().EdgeConnections == 1 && owner.Stats().OwnerConnections == 0 })
			edge.to(owner.peer, "1-1")
			says(t, edge.open(t, "/v1/x"), "again") // a cut is no ban
		})
	}
}

// TestCutEndsRequestsUnderWay cuts a plain request and an upgrade that the owner does not answer.
func TestCutEndsRequestsUnderWay(t *testing.T) {
	edge, owner := pair(t)
	asked := make(chan struct{})
	owner.signal.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	for i, header := range []http.Header{nil, {"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}} {
		done := make(chan int)
		go func() {
			status, _ := edge.get(t, "/v1/x", header)
			done <- status
		}()
		<-asked
		if shared := edge.Shared(); shared["owner"] != 1 { // or nobody would look whether the owner lives
			t.Errorf("shared are %v", shared)
		}
		edge.Cut("owner")
		if status := <-done; status != http.StatusServiceUnavailable {
			t.Errorf("%d", status)
		}
		if shared := edge.Shared(); shared["owner"] != 0 {
			t.Errorf("afterwards shared are %v", shared)
		}
		if failed := edge.failures(); len(failed) != i+1 || !errors.Is(failed[i], mesh.ErrCut) || edge.Stats().CutErrors != uint64(i+1) {
			t.Errorf("%v, %+v", failed, edge.Stats())
		}
	}
}

// TestSlowReader fills all there is between an owner and a client that reads nothing. The owner must be slowed down, and the client
// given up in the end.
func TestSlowReader(t *testing.T) {
	const most = 64 << 20 // far more than the kernel's buffers of two connections
	edge := newNode(t, "edge", func(c *mesh.Config) { c.WriteWithin = 100 * time.Millisecond })
	owner := newNode(t, "owner", nil)
	edge.to(owner.peer, "1-1")
	written := make(chan int, 1)
	owner.signal.HandleFunc("/", raw(t, "", func(conn net.Conn, _ *bufio.Reader) {
		total, chunk := 0, make([]byte, 16<<10)
		for total < most {
			n, err := conn.Write(chunk)
			total += n
			if err != nil {
				break
			}
		}
		written <- total
	}))
	edge.rawUpgrade(t, "")
	if total := <-written; total >= most {
		t.Errorf("%d bytes were written for a client that reads nothing", total)
	}
	eventually(t, "it is cleared up", func() bool { return edge.Stats().EdgeConnections == 0 })
}

// TestCloseEndsAll closes each of the two nodes while there is everything at once; TestMain looks for what is left.
func TestCloseEndsAll(t *testing.T) {
	for _, first := range []string{"edge", "owner"} {
		t.Run(first, func(t *testing.T) {
			edge, owner := pair(t)
			owner.signal.HandleFunc("/v1/x", echo(t, nil))
			asked := make(chan struct{})
			owner.signal.HandleFunc("/v1/wait", func(_ http.ResponseWriter, r *http.Request) {
				close(asked)
				<-r.Context().Done()
			})
			ws := edge.open(t, "/v1/x")
			done := make(chan struct{})
			go func() {
				defer close(done)
				edge.get(t, "/v1/wait", nil)
			}()
			<-asked
			if _, err := edge.Probe(t.Context(), owner.peer); err != nil {
				t.Error(err)
			}
			map[string]*node{"edge": edge, "owner": owner}[first].Close()
			<-done
			if _, _, err := ws.ReadMessage(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the client reads: %v", err)
			}
			_ = ws.Close()
			eventually(t, "the counts are 0", func() bool { return edge.Stats().EdgeConnections == 0 && owner.Stats().OwnerConnections == 0 })
		})
	}
}

// TestClientThatGoesWhileItWaits must not leave a connection to the owner behind.
func TestClientThatGoesWhileItWaits(t *testing.T) {
	edge, owner := pair(t)
	asked, left := make(chan struct{}), make(chan struct{})
	owner.signal.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(left)
	})
	conn, err := net.Dial("tcp", edge.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "GET /v1/x HTTP/1.1\r\nHost: meet\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	<-asked
	_ = conn.Close()
	<-left
	eventually(t, "the edge has noticed", func() bool { return len(edge.failures()) == 1 })
	if s := edge.Stats(); s != (mesh.Stats{}) {
		t.Errorf("a client that goes is no fault: %+v", s)
	}
}

func TestWriterThatCannotBeTakenOver(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", echo(t, nil))
	r := httptest.NewRequest(http.MethodGet, "/v1/x", nil)
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	w := httptest.NewRecorder()
	if err := edge.Proxy(w, r, owner.peer, "room", "1-1"); !errors.Is(err, http.ErrNotSupported) || w.Body.Len() > 0 {
		t.Errorf("%v, %q", err, w.Body)
	}
	eventually(t, "the owner's side is gone", func() bool { return owner.Stats().OwnerConnections == 0 })
}

package mesh_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sfu/pkg/cluster/mesh"
)

func TestOwnerSeesTheClientsRequest(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/v1/", tellSeen)
	forged := http.Header{
		"Host": {"meet.example:8443"}, "Sfu-Room": {"other"}, "Sfu-Client-Addr": {"10.0.0.1:1"}, "Sfu-Hop": {"1"}, "Sfu-Client-Proto": {"https"},
		"X-Forwarded-For": {"10.0.0.1"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=10.0.0.1"},
		"Connection": {"Sfu-Room, Sfu-Epoch"}, "Upgrade": {"h2c"}, "Authorization": {"Bearer t"}, "User-Agent": {"browser"},
	}
	status, body := edge.get(t, "/v1/rooms/k%2Fitchen%20?a=1&a=%20;2&b", forged)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	s := parseSeen(t, body)
	host, _, err := net.SplitHostPort(s.Remote)
	if err != nil || host != "127.0.0.1" || s.Host != "meet.example:8443" || s.TLS || !s.Proxied {
		t.Errorf("%+v", s)
	}
	if s.Path != "/v1/rooms/k%2Fitchen%20" || s.Query != "a=1&a=%20;2&b" {
		t.Errorf("path %q, query %q", s.Path, s.Query)
	}
	for name := range s.Header {
		if strings.HasPrefix(name, "Sfu-") || strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "Upgrade" {
			t.Errorf("%s reaches the owner's handler", name)
		}
	}
	if s.Header.Get("Authorization") != "Bearer t" || s.Header.Get("User-Agent") != "browser" {
		t.Errorf("%v", s.Header)
	}
}

func TestOwnerKnowsOfTheClientsTLS(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/v1/", tellSeen)
	front := httptest.NewTLSServer(http.HandlerFunc(edge.serveClient))
	defer front.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/v1/rooms/kitchen", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := answer(t, front.Client(), req)
	if s := parseSeen(t, body); !s.TLS {
		t.Errorf("%+v", s)
	}
}

// TestNotOwner looks again after a refusal, with the body of a request that the first try has sent.
func TestNotOwner(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/v1/", tellSeen)
	owner.service.own("room", "1-7")
	looks := []string{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := edge.Proxy(w, r, owner.peer, "room", "1-1")
		var notOwner *mesh.NotOwnerError
		if !errors.As(err, &notOwner) {
			t.Errorf("the first try ended with %v", err)
			return
		}
		looks = append(looks, notOwner.Epoch)
		if err := edge.Proxy(w, r, owner.peer, "room", notOwner.Epoch); err != nil {
			t.Errorf("the second try ended with %v", err)
		}
	}))
	defer front.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+"/v1/rooms/kitchen", strings.NewReader("an offer"))
	if err != nil {
		t.Fatal(err)
	}
	status, body := answer(t, front.Client(), req)
	if s := parseSeen(t, body); status != http.StatusOK || s.Body != "an offer" || s.Method != http.MethodPost {
		t.Errorf("%d %s", status, body)
	}
	if len(looks) != 1 || looks[0] != "1-7" || edge.Stats().NotOwnerErrors != 1 {
		t.Errorf("epochs %q, %+v", looks, edge.Stats())
	}
}

func TestRoomThatIsNotThere(t *testing.T) {
	edge, owner := pair(t)
	for path, header := range map[string]http.Header{
		"/v1/rooms/kitchen": nil,
		"/v1/rooms/kitchen/signal": {"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}},
	} {
		edge.route = func() (mesh.Peer, string, string) { return owner.peer, "elsewhere", "1-1" }
		before := len(edge.failures())
		status, _ := edge.get(t, path, header)
		var notOwner *mesh.NotOwnerError
		failed := edge.failures()[before:]
		if len(failed) != 1 || !errors.As(failed[0], &notOwner) || notOwner.Epoch != "" || status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d, %v", path, status, failed)
		}
	}
}

func TestConflictOfTheHandlerIsAnAnswer(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "taken", http.StatusConflict) })
	if status, body := edge.get(t, "/v1/x", nil); status != http.StatusConflict || body != "taken\n" || len(edge.failures()) > 0 {
		t.Errorf("%d %q, %v", status, body, edge.failures())
	}
}

func TestHeadersOfTheEdgeAreReplacedNotDoubled(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/v1/", tellSeen)
	recorder := httptest.NewRecorder()
	recorder.Header().Set("X-Content-Type-Options", "nosniff")
	recorder.Header().Set("Referrer-Policy", "no-referrer")
	if err := edge.Proxy(recorder, httptest.NewRequest(http.MethodGet, "/v1/x", nil), owner.peer, "room", "1-1"); err != nil {
		t.Fatal(err)
	}
	if h := recorder.Header(); len(h["X-Content-Type-Options"]) != 1 || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%v", h)
	}
}

// TestLoop lets two nodes each believe that the other one has the room.
func TestLoop(t *testing.T) {
	a, b := newNode(t, "a", nil), newNode(t, "b", nil)
	a.to(b.peer, "1-1")
	b.to(a.peer, "1-1")
	a.signal.HandleFunc("/", a.serveClient)
	b.signal.HandleFunc("/", b.serveClient)
	status, body := a.get(t, "/v1/rooms/kitchen", nil)
	if status != http.StatusLoopDetected || !strings.Contains(body, `"internal"`) {
		t.Errorf("%d %s", status, body)
	}
	if a.service.questions() != 0 || b.service.questions() != 1 {
		t.Errorf("a was asked %d times, b %d times", a.service.questions(), b.service.questions())
	}
}

func TestClientsCannotAskForWhatNodesMay(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", tellSeen)
	if _, body := edge.get(t, "/cluster/v1/probe", nil); parseSeen(t, body).Path != "/cluster/v1/probe" {
		t.Error(body)
	}
}

func TestBodyTooBig(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", tellSeen)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, edge.front.URL+"/v1/x", strings.NewReader(strings.Repeat("x", 64<<10+1)))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := answer(t, edge.front.Client(), req); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, body)
	}
}

// TestAnswerThatIsLost breaks off at the owner: what may have been done there is not done again.
func TestAnswerThatIsLost(t *testing.T) {
	for method, repeatable := range map[string]bool{http.MethodGet: true, http.MethodPost: false} {
		edge, owner := pair(t)
		owner.signal.HandleFunc("/", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		req, err := http.NewRequestWithContext(t.Context(), method, edge.front.URL+"/v1/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		status, _ := answer(t, edge.front.Client(), req)
		if again := len(edge.failures()) == 1; again != repeatable || (status == http.StatusBadGateway) == repeatable {
			t.Errorf("%s: %d, %v", method, status, edge.failures())
		}
		if edge.Stats().OtherErrors != 1 {
			t.Errorf("%s: %+v", method, edge.Stats())
		}
	}
}

func TestPeerThatIsGone(t *testing.T) {
	edge, owner := pair(t)
	owner.signal.HandleFunc("/", tellSeen)
	edge.to(mesh.Peer{Incarnation: "before", Addr: owner.peer.Addr}, "1-1")
	edge.get(t, "/v1/x", nil)
	owner.listener.kill()
	edge.to(owner.peer, "1-1")
	edge.get(t, "/v1/x", nil)
	failed := edge.failures()
	if len(failed) != 2 || !errors.Is(failed[0], mesh.ErrWrongNode) || !errors.Is(failed[1], mesh.ErrRefused) || edge.Stats().DialErrors != 2 {
		t.Errorf("%v, %+v", failed, edge.Stats())
	}
}

// Package sfutest runs a whole server in the test's process, in the manner of net/http/httptest, and joins it with clients of package
// client. It is for tests only.
//
//	srv := sfutest.Start(t, sfutest.Options{})
//	alice := srv.Join(t, "kitchen", "alice", sfutest.Publishing(sfutest.Microphone(), sfutest.Camera()))
//	bob := srv.Join(t, "kitchen", "bob")
//	sfutest.Eventually(t, "bob sees alice", func() bool { return sfutest.Video(bob).Frames > 30 })
//
// Server.Metrics is wired as in the command, so that a test can hold what the server counts against what clients have seen.
//
// Everything listens on loopback at ports that the kernel chooses. What Start and Join return is closed when the test ends, clients
// before the server; a test that checks for leaked goroutines may do so after that. Waiting is by events with a deadline of Patience,
// many times what anything takes.
package sfutest

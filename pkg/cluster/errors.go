package cluster

import "errors"

var (
	errRecord   = errors.New("a record that cannot be read")
	errEnded    = errors.New("the node has ended")
	errIsolated = errors.New("the node reaches neither the engine nor any other node, or has not yet; it goes on with the people it has")
)

package mesh

import (
	"net"
	"time"
)

// keepAlive finds an idle peer that is gone without a word within about 11 s; unacknowledged is the same for one that is owed data. Both
// are the last resort: a peer that was declared dead is cut sooner.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

const unacknowledged = 12 * time.Second

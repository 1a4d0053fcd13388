package forwarder

import "os"

// longTest reports whether tests run at full size (make test-long).
func longTest() bool { return os.Getenv("SFU_LONG") != "" }

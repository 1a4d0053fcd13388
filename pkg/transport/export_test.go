package transport

// TellRTT is what the Engine does with each Conn from time to time.
func (c *Conn) TellRTT() { c.tellRTT() }

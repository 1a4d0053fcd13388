//go:build race

package transport

// raced is set where pools forget on purpose.
const raced = true

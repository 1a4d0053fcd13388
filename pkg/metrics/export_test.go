package metrics

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Own returns the families of this package, without those of Go and of the process.
func (m *Metrics) Own() prometheus.Gatherer {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newCollector(m))
	return r
}

// All returns everything that Handler shows, gathered anew every time.
func (m *Metrics) All() prometheus.Gatherer { return m.registry }

// Uncached is Handler without its cache.
func Uncached(m *Metrics) http.Handler { return m.newHandler(m.registry) }

// MaxRoomSeries is how many series one room may have.
const MaxRoomSeries = maxRoomSeries

// OtherRooms is the label of rooms without one.
const OtherRooms = otherRooms

// A FamilyInfo is what docs/metrics.md says of a family.
type FamilyInfo struct {
	Name, Kind, Help, Advice string
	Labels                   []string
}

// Families returns those of the tables.
func Families() []FamilyInfo {
	var all []FamilyInfo
	for _, g := range groups() {
		for _, f := range g.families {
			all = append(all, FamilyInfo{f.name, string(f.kind), f.help, f.advice, f.labels})
		}
	}
	return all
}

// WriteTables writes the tables of docs/metrics.md.
func WriteTables(w io.Writer) {
	for _, g := range groups() {
		fmt.Fprintf(w, "\n### %s\n\n| family | type | labels | what it counts | what to do when it moves |\n|---|---|---|---|---|\n", g.title)
		for _, f := range g.families {
			fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s |\n", f.name, f.kind, strings.Join(f.labels, ", "), f.help, f.advice)
		}
	}
}

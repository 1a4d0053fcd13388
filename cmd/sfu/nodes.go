package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"sfu/pkg/cluster"
)

// showNodes prints what one node sees of the cluster.
func showNodes(w io.Writer, body []byte) error {
	var v cluster.View
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	up := "up"
	if !v.Engine.Up {
		up = "DOWN: calls go on, new rooms must wait"
	}
	fmt.Fprintf(w, "Engine: %s, %s\n\n", v.Engine.Mode, up)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tSTATE\tLOAD\tROOMS\tPEOPLE\tADDRESS\tVERSION\tLAST HEARD")
	for _, n := range v.Nodes {
		heard := fmt.Sprintf("%.1f s ago", n.SilentSeconds)
		if n.Self {
			heard = "this node"
		}
		fmt.Fprintf(table, "%s\t%s\t%.0f %%\t%d\t%d\t%s\t%s\t%s\n", n.Node, n.State, 100*n.Load, n.Rooms, n.People, n.Addr, n.Version, heard)
	}
	return table.Flush()
}

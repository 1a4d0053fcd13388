package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"regexp"
	"strings"
)

//go:embed static
var static embed.FS

// shellName is the page itself. It is served at / and /r/{room} only, never under /static/.
const shellName = "index.html"

// An asset is one file under /static/.
type asset struct {
	body        []byte
	contentType string
	etag        string
}

// contentTypes does not ask the machine's MIME table, which differs from system to system.
var contentTypes = map[string]string{
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".svg":  "image/svg+xml",
	".json": "application/json",
}

// readAssets returns all files of fsys by their path.
func readAssets(fsys fs.FS) (map[string]asset, error) {
	assets := map[string]asset{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		contentType := contentTypes[path.Ext(name)]
		if contentType == "" {
			contentType = mime.TypeByExtension(path.Ext(name))
		}
		assets[name] = asset{body, contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page's files: %w", err)
	}
	return assets, nil
}

// importPattern finds what a module imports statically; all our imports are relative.
var importPattern = regexp.MustCompile(`(?m)^(?:import|export|\})[^'\n]*from '(\.[^']+)';`)

// moduleGraph lists root and every module that it leads to, so that the shell can name them all at once: without it a browser learns of
// each level of imports only after the level above has arrived.
func moduleGraph(assets map[string]asset, root string) []string {
	seen := map[string]bool{root: true}
	graph := []string{root}
	for i := 0; i < len(graph); i++ {
		for _, match := range importPattern.FindAllSubmatch(assets[graph[i]].body, -1) {
			name := path.Join(path.Dir(graph[i]), string(match[1]))
			if _, known := assets[name]; known && !seen[name] {
				seen[name] = true
				graph = append(graph, name)
			}
		}
	}
	return graph
}

// renderShell fills in where the assets are, seen from the page's address, and which modules to load ahead.
func renderShell(assets map[string]asset, base string) []byte {
	var preload strings.Builder
	for _, name := range moduleGraph(assets, "main.js") {
		fmt.Fprintf(&preload, "  <link rel=\"modulepreload\" href=\"%sstatic/%s\">\n", base, name)
	}
	return []byte(strings.NewReplacer("{{base}}", base, "{{modulepreload}}", preload.String()).Replace(string(assets[shellName].body)))
}

// Page returns the page as NewHandler serves it at /.
func Page() ([]byte, error) {
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("open the page's files: %w", err)
	}
	assets, err := readAssets(files)
	if err != nil {
		return nil, err
	}
	return renderShell(assets, ""), nil
}

package deploy

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// boards are the paths of the dashboards.
func boards(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "deploy/grafana/dashboards/*.json"))
	if err != nil || len(files) < 4 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	for i := range files {
		files[i] = strings.TrimPrefix(files[i], root)
	}
	return files
}

type gridPos struct{ X, Y, W, H int }

func (a gridPos) overlaps(b gridPos) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

type board struct {
	UID, Title, Description string
	Tags                    []string
	Panels                  []struct {
		ID                       int
		Type, Title, Description string
		GridPos                  gridPos
		Datasource               *struct{ UID string }
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct{ RefID, Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Annotations struct{ List []struct{ Expr string } }
}

func loadBoard(t *testing.T, path string) board {
	t.Helper()
	var b board
	if err := json.Unmarshal([]byte(read(t, path)), &b); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b
}

// expression is a query of a dashboard, with Grafana's variables replaced.
type expression struct{ panel, expr string }

func expressions(t *testing.T, path string) []expression {
	t.Helper()
	b := loadBoard(t, path)
	replace := strings.NewReplacer("$__rate_interval", "5m", "$job", "sfu", "$instance", "a:9090").Replace
	var all []expression
	for _, p := range b.Panels {
		for _, target := range p.Targets {
			all = append(all, expression{p.Title, replace(target.Expr)})
		}
	}
	for _, a := range b.Annotations.List {
		all = append(all, expression{"annotations", replace(a.Expr)})
	}
	return all
}

func TestDashboardsAskForWhatExists(t *testing.T) {
	q := knowingRules(t)
	for _, path := range boards(t) {
		all := expressions(t, path)
		if len(all) < 10 {
			t.Errorf("%s has only %d queries", path, len(all))
		}
		for _, e := range all {
			if strings.Contains(e.expr, "$") {
				t.Errorf("%s, %s: a variable that is not known in %s", path, e.panel, e.expr)
			} else if err := q.check(e.expr); err != nil {
				t.Errorf("%s, %s: %v", path, e.panel, err)
			}
		}
	}
}

func TestDashboards(t *testing.T) {
	uids := map[string]bool{}
	for _, path := range boards(t) {
		b := loadBoard(t, path)
		if b.UID == "" || uids[b.UID] || b.Title == "" || b.Description == "" || len(b.Tags) != 1 {
			t.Errorf("%s: uid, title, description or tags are not right", path)
		}
		uids[b.UID] = true
		variables := map[string]bool{}
		for _, v := range b.Templating.List {
			variables["$"+v.Name] = true
		}
		ids := map[int]bool{}
		for i, p := range b.Panels {
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: the number %d is there twice", path, p.ID)
			}
			ids[p.ID] = true
			if p.GridPos.X < 0 || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H < 1 {
				t.Errorf("%s, %s: does not lie on the board", path, p.Title)
			}
			for _, other := range b.Panels[:i] {
				if p.GridPos.overlaps(other.GridPos) {
					t.Errorf("%s: %s lies on %s", path, p.Title, other.Title)
				}
			}
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
				t.Errorf("%s, %q: title, description, unit or query is missing", path, p.Title)
			}
			if p.Datasource == nil || p.Datasource.UID != "${datasource}" {
				t.Errorf("%s, %s: not from the data source that is chosen", path, p.Title)
			}
			for _, target := range p.Targets {
				for _, name := range []string{"$job", "$instance"} {
					if strings.Contains(target.Expr, name) && !variables[name] {
						t.Errorf("%s, %s: there is no variable %s", path, p.Title, name)
					}
				}
			}
		}
	}
}

func TestGrafanaIsProvisioned(t *testing.T) {
	type sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool           `yaml:"isDefault"`
			JSONData                     map[string]any `yaml:"jsonData"`
		}
	}
	source := decode[sources](t, "deploy/grafana/provisioning/datasources/prometheus.yaml").Datasources[0]
	p := mustCluster(t)
	if source.Type != "prometheus" || source.URL != "http://prometheus:9090" || p.Services["prometheus"].Name == "" {
		t.Errorf("the data source %+v does not lead to the service prometheus", source)
	}
	type providers struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Folder, Type    string
			UpdateIntervalSeconds int  `yaml:"updateIntervalSeconds"`
			AllowUIUpdates        bool `yaml:"allowUiUpdates"`
			Options               struct{ Path string }
		}
	}
	provider := decode[providers](t, "deploy/grafana/provisioning/dashboards/sfu.yaml").Providers[0]
	mounts := map[string]string{}
	for _, v := range p.Services["grafana"].Volumes {
		mounts[v.Target] = v.Source
	}
	if !strings.HasSuffix(mounts[provider.Options.Path], "deploy/grafana/dashboards") ||
		!strings.HasSuffix(mounts["/etc/grafana/provisioning"], "deploy/grafana/provisioning") {
		t.Errorf("the dashboards of %s are not mounted: %v", provider.Options.Path, mounts)
	}
	home := *p.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if filepath.Dir(home) != provider.Options.Path || read(t, "deploy/grafana/dashboards/"+filepath.Base(home)) == "" {
		t.Errorf("the first board is %s", home)
	}
}

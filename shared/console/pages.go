package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by name, each with the layout and the parts.
type pages map[string]*template.Template

// parsePages reads the templates, which are part of the program.
func parsePages(s *console) pages {
	common := template.Must(template.New("").Funcs(s.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	all := pages{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name != "layout" && name != "parts" {
			all[name] = template.Must(template.Must(common.Clone()).ParseFS(templateFiles, file))
		}
	}
	return all
}

// render executes the page's template.
func (c *call) render(out reply) ([]byte, error) {
	t := c.pages[out.page]
	if t == nil {
		return nil, fmt.Errorf("there is no template %q", out.page)
	}
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, "layout", frame{call: c, Title: out.title, Data: out.data})
	return b.Bytes(), err
}

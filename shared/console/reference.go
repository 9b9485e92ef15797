package console

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// reference is openapi.yaml, read when it is first asked for. It does not change while the program runs.
type reference struct {
	mu  sync.Mutex
	doc *document // nil: not read yet
}

// document asks the API for its own description.
func (s *console) document(ctx context.Context, c *call) (*document, error) {
	s.reference.mu.Lock()
	defer s.reference.mu.Unlock()
	if s.reference.doc != nil {
		return s.reference.doc, nil
	}
	answer, err := c.ask(ctx, http.MethodGet, "/openapi.yaml", nil)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK { // which says nothing of what is to be read the next time
		return nil, fmt.Errorf("GET /openapi.yaml: answer %d", answer.status)
	}
	s.reference.doc, err = readDocument(answer.body.Bytes())
	return s.reference.doc, err
}

// operationView is the page of one operation.
type operationView struct {
	operation
	Origin string // where to send it
}

func (s *console) referencePage(ctx context.Context, c *call) (reply, error) {
	doc, err := s.document(ctx, c)
	return reply{page: "reference", title: "API reference", data: doc}, err
}

func (s *console) operationPage(ctx context.Context, c *call) (reply, error) {
	doc, err := s.document(ctx, c)
	if err != nil {
		return reply{}, err
	}
	op, ok := doc.operations[c.request.PathValue("operation")]
	if !ok {
		return reply{}, &refusal{Status: http.StatusNotFound, Message: "There is no such operation. The API reference lists them all."}
	}
	return reply{page: "operation", title: op.Summary, data: operationView{op, c.origin()}}, nil
}

// Curl is a command that sends the operation's example.
func (v operationView) Curl() string {
	return curl(v.Origin, v.Method, v.Path, v.BodyExample, len(v.Scopes) > 0)
}

var (
	codeMark = regexp.MustCompile("`([^`]+)`")
	boldMark = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose sets the little Markdown of openapi.yaml: paragraphs, tables, code and bold words.
func prose(text string) template.HTML {
	var b strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(strings.TrimSpace(block), "|") {
			setTable(&b, block)
			continue
		}
		b.WriteString("<p>" + inline(block) + "</p>\n")
	}
	return template.HTML(b.String())
}

// setTable sets a table, whose second line only rules it.
func setTable(b *strings.Builder, block string) {
	b.WriteString(`<div class="scroll"><table class="rows"><thead>`)
	for i, line := range strings.Split(strings.TrimSpace(block), "\n") {
		if i == 1 {
			b.WriteString("</thead><tbody>")
			continue
		}
		open, end := `<td class="wrap">`, "</td>"
		if i == 0 {
			open, end = `<th scope="col">`, "</th>"
		}
		b.WriteString("<tr>")
		for cell := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			b.WriteString(open + inline(strings.TrimSpace(cell)) + end)
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table></div>\n")
}

// inline escapes a text and sets its code and bold words.
func inline(text string) string {
	text = codeMark.ReplaceAllString(template.HTMLEscapeString(text), "<code>$1</code>")
	return boldMark.ReplaceAllString(text, "<strong>$1</strong>")
}

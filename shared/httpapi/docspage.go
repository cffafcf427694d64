package httpapi

import (
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"
)

// page is the reference page. It needs neither a script nor anything from elsewhere.
//
// It is made of Go values: a text template finds methods by name at run time, for which the linker would have to keep every method of
// every type in the program, those of Microsoft Graph's thousands of types among them.
func (r reference) page() g.Node {
	return Doctype(HTML(Lang("en"),
		Head(
			Meta(Charset("utf-8")),
			Meta(Name("viewport"), Content("width=device-width, initial-scale=1")),
			TitleEl(g.Text(r.Title+" API reference")),
			Link(Rel("stylesheet"), Href("/docs/style.css")),
		),
		Body(
			A(Class("skip"), Href("#content"), g.Text("Skip to content")),
			Header(
				H1(g.Text(r.Title+" "), Small(g.Text("API "+r.Version))),
				g.Map(strings.Split(r.Description, "\n\n"), paragraph),
				P(A(Href("/openapi.json"), g.Text("OpenAPI document"))),
				Form(Method("get"), Action("/docs"), Role("search"),
					Label(For("q"), g.Text("Show only what contains")),
					Input(ID("q"), Name("q"), Type("search"), MaxLength(strconv.Itoa(mostSought)), Value(r.Sought)),
					Button(Type("submit"), g.Text("Show")),
					g.If(r.Sought != "", A(Href("/docs"), g.Text("all"))),
				),
				g.If(r.Sought != "" && len(r.Groups) == 0, P(Role("status"), g.Text("Nothing contains that."))),
			),
			Nav(Aria("label", "Contents"), H2(g.Text("Contents")), Ul(
				g.Map(r.Groups, r.entry),
				Li(A(Href("#headers"), g.Text("Headers"))),
				Li(A(Href("#problems"), g.Text("Problems"))),
				Li(A(Href("#schemas"), g.Text("Schemas"))),
			)),
			Main(ID("content"),
				g.Map(r.Groups, referenceGroup.section),
				titled("headers", "Headers",
					P(g.Text("These are the same wherever a request takes them.")),
					table("", []string{"Header", "Meaning"}, g.Map([]*huma.Param{idempotencyKeyParam, csrfParam}, func(p *huma.Param) g.Node {
						return Tr(Th(Scope("row"), Code(g.Text(p.Name))), Td(g.Text(p.Description)))
					})),
				),
				titled("problems", "Problems",
					P(g.Text("Every error is an "), Code(g.Text(problemContentType)), g.Text(" object; its "), Code(g.Text("code")), g.Text(" is one of these.")),
					table("", []string{"Code", "Status", "Meaning"}, r.codes()),
				),
				titled("schemas", "Schemas", g.Map(r.Schemas, referenceSchema.article)),
			),
		),
	))
}

// paragraph begins with what it is about, before a colon.
func paragraph(text string) g.Node {
	about, rest, ok := strings.Cut(text, ": ")
	if !ok {
		return P(g.Text(text))
	}
	return P(B(g.Text(about+": ")), g.Text(rest))
}

// titled is a section with its heading.
func titled(id, title string, content ...g.Node) g.Node {
	return Section(Aria("labelledby", id), H2(ID(id), g.Text(title)), g.Group(content))
}

// table is a table with a heading for each column; the caption may be empty.
func table(caption string, columns []string, rows g.Group) g.Node {
	return Table(
		g.If(caption != "", Caption(g.Text(caption))),
		THead(Tr(g.Map(columns, func(name string) g.Node { return Th(Scope("col"), g.Text(name)) }))),
		TBody(rows),
	)
}

// entry is a group in the contents. Its operations are folded, unless they are what was looked for.
func (r reference) entry(group referenceGroup) g.Node {
	return Li(Details(g.If(r.Sought != "", g.Attr("open")),
		Summary(g.Text(group.Name+" "), Small(g.Textf("%d", len(group.Operations)))),
		Ul(
			Li(A(Href("#group-"+group.Name), g.Text("about "+group.Name))),
			g.Map(group.Operations, func(op referenceOperation) g.Node {
				return Li(A(Href("#"+op.ID), B(g.Text(op.Method)), g.Text(" "+op.Path)), g.Text(" "+op.Summary))
			}),
		),
	))
}

// codes are rows of the codes of problems. The first one of each status can be linked to.
func (r reference) codes() g.Group {
	var rows g.Group
	last := 0
	for _, c := range r.Codes {
		rows = append(rows, c.row(c.Status != last))
		last = c.Status
	}
	return rows
}

func (r referenceGroup) section() g.Node {
	return titled("group-"+r.Name, r.Name, P(g.Text(r.Description)), g.Map(r.Operations, referenceOperation.article))
}

func (op referenceOperation) article() g.Node {
	return Article(Aria("labelledby", op.ID),
		H3(ID(op.ID), Span(Class("method"), g.Text(op.Method)), g.Text(" "), Code(g.Text(op.Path))),
		P(B(g.Text(op.Summary))),
		g.If(op.Description != "", P(g.Text(op.Description))),
		g.If(len(op.Parameters) > 0, table("Parameters", []string{"Name", "In", "Type", "Description"}, g.Map(op.Parameters, func(f referenceField) g.Node {
			return Tr(f.heading(), Td(g.Text(f.In)), Td(g.Text(f.Type)), Td(g.Text(f.Description)))
		}))),
		g.If(len(op.Bodies) > 0, table("Request body", []string{"Content type", "Type"}, g.Map(op.Bodies, func(b referenceBody) g.Node {
			return Tr(Td(g.Text(b.ContentType)), Td(typeLink(b.Type, b.Ref)))
		}))),
		g.If(len(op.Headers) > 0, P(g.Text("Headers: "), links(op.Headers, func(string) string { return "#headers" }), g.Text("."))),
		g.If(len(op.Answers) > 0, table("Answers", []string{"Status", "Description", "Content type", "Type"}, g.Map(op.Answers, func(b referenceBody) g.Node {
			return Tr(Th(Scope("row"), g.Text(b.Status)), Td(g.Text(b.Description)), Td(g.Text(b.ContentType)), Td(typeLink(b.Type, b.Ref)))
		}))),
		g.If(len(op.Problems) > 0, P(g.Text("Problems: "), links(op.Problems, func(status string) string { return "#status-" + status }), g.Text("."))),
		g.If(op.Request != "", Details(
			Summary(g.Text("Example")),
			Pre(TabIndex("0"), Code(g.Text(op.Request))),
			P(g.Text("is answered "+op.Status), g.If(op.Answer != "", g.Text(" with"))),
			g.If(op.Answer != "", Pre(TabIndex("0"), Code(g.Text(op.Answer)))),
		)),
	)
}

// links are words, each of which leads somewhere.
func links(words []string, to func(string) string) g.Node {
	var all g.Group
	for i, word := range words {
		if i > 0 {
			all = append(all, g.Text(", "))
		}
		all = append(all, A(Href(to(word)), g.Text(word)))
	}
	return all
}

func (s referenceSchema) article() g.Node {
	id := "schema-" + s.Name
	return Article(Aria("labelledby", id),
		H3(ID(id), Code(g.Text(s.Name))),
		g.If(s.Description != "", P(g.Text(s.Description))),
		table("", []string{"Field", "Type", "Description"}, g.Map(s.Fields, func(f referenceField) g.Node {
			return Tr(f.heading(), Td(typeLink(f.Type, f.Ref)), Td(g.Text(f.Description)))
		})),
	)
}

// heading is the first cell of a field's row.
func (f referenceField) heading() g.Node {
	return Th(Scope("row"), Code(g.Text(f.Name)), g.If(f.Required, g.Group{g.Text(" "), Em(g.Text("required"))}))
}

func (c code) row(first bool) g.Node {
	status := strconv.Itoa(c.Status)
	return Tr(ID("problem-"+c.Code),
		Th(Scope("row"), Code(g.Text(c.Code))), Td(g.If(first, ID("status-"+status)), g.Text(status)), Td(g.Text(c.Title)),
	)
}

// typeLink names a type, and leads to its schema if it has one.
func typeLink(name, ref string) g.Node {
	if ref == "" {
		return g.Text(name)
	}
	return A(Href("#schema-"+ref), g.Text(name))
}

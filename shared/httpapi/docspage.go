package httpapi

import (
	"strconv"

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
				P(g.Text(r.Description)),
				P(A(Href("/openapi.json"), g.Text("OpenAPI document"))),
				Form(Method("get"), Action("/docs"), Role("search"),
					Label(For("q"), g.Text("Show only what contains")),
					Input(ID("q"), Name("q"), Type("search"), MaxLength(strconv.Itoa(mostSought)), Value(r.Sought)),
					Button(Type("submit"), g.Text("Show")),
					g.If(r.Sought != "", A(Href("/docs"), g.Text("all"))),
				),
				g.If(r.Sought != "" && len(r.Groups) == 0, P(Role("status"), g.Text("Nothing contains that."))),
			),
			Nav(Aria("label", "Contents"), Ul(
				g.Map(r.Groups, referenceGroup.entry),
				Li(A(Href("#problems"), g.Text("Problems"))),
				Li(A(Href("#schemas"), g.Text("Schemas"))),
			)),
			Main(ID("content"),
				g.Map(r.Groups, referenceGroup.section),
				titled("problems", "Problems",
					P(g.Text("Every error is an "), Code(g.Text(problemContentType)), g.Text(" object; its "), Code(g.Text("code")), g.Text(" is one of these.")),
					table("", []string{"Code", "Status", "Meaning"}, g.Map(r.Codes, code.row)),
				),
				titled("schemas", "Schemas", g.Map(r.Schemas, referenceSchema.article)),
			),
		),
	))
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

func (r referenceGroup) entry() g.Node {
	return Li(A(Href("#group-"+r.Name), g.Text(r.Name)), Ul(g.Map(r.Operations, func(op referenceOperation) g.Node {
		return Li(A(Href("#"+op.ID), B(g.Text(op.Method)), g.Text(" "+op.Path)))
	})))
}

func (r referenceGroup) section() g.Node {
	return titled("group-"+r.Name, r.Name, P(g.Text(r.Description)), g.Map(r.Operations, referenceOperation.article))
}

func (op referenceOperation) article() g.Node {
	about := op.Summary
	if op.Description != "" {
		about += ". " + op.Description
	}
	return Article(Aria("labelledby", op.ID),
		H3(ID(op.ID), Span(Class("method"), g.Text(op.Method)), g.Text(" "), Code(g.Text(op.Path))),
		P(g.Text(about)),
		g.If(len(op.Parameters) > 0, table("Parameters", []string{"Name", "In", "Type", "Description"}, g.Map(op.Parameters, func(f referenceField) g.Node {
			return Tr(f.heading(), Td(g.Text(f.In)), Td(g.Text(f.Type)), Td(g.Text(f.Description)))
		}))),
		g.If(len(op.Bodies) > 0, table("Request body", []string{"Content type", "Type"}, g.Map(op.Bodies, func(b referenceBody) g.Node {
			return Tr(Td(g.Text(b.ContentType)), Td(typeLink(b.Type, b.Ref)))
		}))),
		table("Responses", []string{"Status", "Description", "Content type", "Type"}, g.Map(op.Responses, func(b referenceBody) g.Node {
			return Tr(Th(Scope("row"), g.Text(b.Status)), Td(g.Text(b.Description)), Td(g.Text(b.ContentType)), Td(typeLink(b.Type, b.Ref)))
		})),
	)
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

func (c code) row() g.Node {
	return Tr(ID("problem-"+c.Code), Th(Scope("row"), Code(g.Text(c.Code))), Td(g.Text(strconv.Itoa(c.Status))), Td(g.Text(c.Title)))
}

// typeLink names a type, and leads to its schema if it has one.
func typeLink(name, ref string) g.Node {
	if ref == "" {
		return g.Text(name)
	}
	return A(Href("#schema-"+ref), g.Text(name))
}

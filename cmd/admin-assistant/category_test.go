package main

import (
	"strings"
	"testing"
)

func TestCategories(t *testing.T) {
	m := newMachine(t)
	const october = "2026-10-01 to 2026-10-31"
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, m.file("month.ics", string(sampleMonth))).ok()
	m.local("category", "list").fails(exitFailed, "no archive config")
	category := func(args ...string) result {
		return m.local(append([]string{"category"}, append(args, "--calendar", work)...)...)
	}
	category("create", "Acme - billable", "--colour", "preset3").ok().says("Acme", "preset3", "new customer")
	category("create", "ACME - Billable").fails(exitFailed, "already")
	category("create", "Acme").fails(exitUsage, "could be read", "<customer> - billable")
	category("create", "Globex - billable", "--colour", "red").fails(exitUsage, "colour")
	category("recolour", "acme - billable", "preset24").ok().says("preset24")
	category("recolour", "Nobody - billable", "preset24").fails(exitFailed, "no category")
	category("list").ok().says("Acme - billable", "preset24")

	seen := category("validate", "--period", october)
	seen.code, seen.err = seen.code-exitPartial, ""
	seen.ok().says("Acme", "billable", "new", "issues", "2026-10-", "invalid category", "not in the list of the account", "Globex - billable").
		without(`"Acme - billable" (`, "ACME ")
	category("validate", "--period", "2026-10-03").ok().says("0 issues")

	category("rename", "Acme - billable", "Acme Holding - billable").ok().
		says("Acme Holding - billable", "preset24", `"Acme" is an alias of customer "Acme Holding"`, "still carry")
	again := category("rename", "Acme - billable", "Acme Holding - billable").ok().without("is an alias").out
	if !strings.Contains(again, "events of the last and the next year") || strings.Contains(again, "\n0 events") {
		t.Error(again)
	}
	category("rename", "Acme - billable", "acme - BILLABLE").fails(exitUsage, "case")
	category("rename", "Acme - billable", "Acme").fails(exitUsage, "could be read")
	category("rename", "Nobody - billable", "Acme - billable").fails(exitFailed, "no category")
	m.local("customer", "create", "Initech").ok()
	category("create", "Initech - billable").ok()
	category("rename", "Initech - billable", "Acme Holding - billable").fails(exitFailed, "merge")
	category("list").ok().says("Acme - billable", "Acme Holding - billable", "Initech - billable")

	category("delete", "Initech - billable").fails(exitUsage, "--yes")
	m.local("--yes", "category", "delete", "Initech - billable", "--calendar", work).ok()
	category("list").ok().without("Initech")
	m.local("audit", "list").ok().says("category.create", "category.recolour", "category.rename", "category.delete")
}

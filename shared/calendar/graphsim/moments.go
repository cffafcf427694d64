package graphsim

import "net/http"

// This file has the failures of a moment that switches bring: the request that is made again passes.

// outOfReach answers each seventh request to the mailbox as if there were none.
func (m *mailbox) outOfReach() error {
	if !m.server.on("mailbox_404") {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked++; m.asked%7 != 0 {
		return nil
	}
	if m.asked%2 == 0 {
		return fail(http.StatusNotFound, "ResourceNotFound", "Resource could not be discovered.")
	}
	return fail(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox.")
}

// passing holds a write to an event back for a moment, each third time.
func (c *call) passing(it *item) error {
	m := c.mailbox
	if m.tries == nil {
		m.tries = map[string]int{}
	}
	m.tries[it.id]++
	switch {
	case m.tries[it.id]%3 != 1:
	case m.server.on("locked"):
		return fail(http.StatusLocked, "ErrorItemLocked", "The item is locked by another process.")
	case m.server.on("series_conflicts"):
		return irresolvable([]int{http.StatusConflict, http.StatusPreconditionFailed}[m.tries[it.id]/3%2])
	}
	return nil
}

func irresolvable(status int) error {
	return fail(status, "ErrorIrresolvableConflict",
		"The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
}

package timesheet

import (
	"context"
	"strings"
	"time"

	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
)

// Held is an address of a customer's to which no sheets are sent, since a mail came back.
type Held struct {
	Address string
	Why     mail.Reason
	Since   time.Time
	Again   Again
}

// Again is how mail to an address is let through again.
type Again string

const (
	ByWord         Again = "word"         // the user says so
	ByConfirmation Again = "confirmation" // the user has asked whoever reads it, and gives the address once more
	ByNobody       Again = "never"        // it came back too often: the customer needs another address
)

// HeldOf are the addresses of a customer to which no sheets are sent.
func (s *Sheets) HeldOf(ctx context.Context, c *customer.Customer) (all []Held, err error) {
	if s.Post.Held == nil {
		return nil, nil
	}
	for _, address := range c.Emails {
		h, err := s.Post.Held(ctx, address)
		if err != nil {
			return nil, err
		}
		if h != nil {
			h.Address = address
			all = append(all, *h)
		}
	}
	return all, nil
}

// MailAgain lets sheets through again to an address that a customer's record names. confirm is the address once more where that is needed, see Held.Again.
// Errors: fault.Invalid, field "address" for another address and "confirm" where a confirmation is needed; fault.Conflict where nothing helps.
func (s *Sheets) MailAgain(ctx context.Context, user, id, address, confirm string) error {
	c, err := s.Customers.Get(ctx, user, id)
	if err != nil {
		return err
	}
	if address, err = addressOf(&c, c.Name, address); err != nil {
		return fault.At("address", err)
	}
	if s.Post.Again == nil {
		return nil
	}
	return s.Post.Again(ctx, user, &c, address, strings.EqualFold(strings.TrimSpace(confirm), address))
}

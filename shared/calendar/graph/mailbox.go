package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// category is a master category as the service has it.
type category struct {
	ID    string `json:"id"`
	Name  string `json:"displayName"`
	Color string `json:"color"`
}

func (c category) read() calendar.Category {
	return calendar.Category{ID: c.ID, Name: c.Name, Colour: cmp.Or(strings.ToLower(c.Color), calendar.NoColour)}
}

// Categories lists the categories of a mailbox, in Outlook's order. Errors of kind fault.Forbidden name the permission that is missing.
func (p *Provider) Categories(ctx context.Context, account string) ([]calendar.Category, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return nil, err
	}
	list := []calendar.Category{}
	query := users.ItemOutlookMasterCategoriesRequestBuilderGetQueryParameters{Top: new(int32(100))}
	err = p.pages(ctx, account, get(user.Outlook().MasterCategories().BaseRequestBuilder, query), func(value json.RawMessage) error {
		var page []category
		if err := readJSON(value, &page); err != nil {
			return err
		}
		for _, c := range page {
			list = append(list, c.read())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", permitted(err, "MailboxSettings.Read", "the categories of this mailbox cannot be read"))
	}
	return list, nil
}

// CreateCategory adds a category; its ID is given by the service. A name that exists is a Conflict. Errors of kind fault.Forbidden name the permission
// that is missing.
func (p *Provider) CreateCategory(ctx context.Context, account string, c calendar.Category) (calendar.Category, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return calendar.Category{}, err
	}
	if err := c.Check(); err != nil {
		return calendar.Category{}, err
	}
	body := map[string]string{"displayName": c.Name, "color": c.Colour}
	text, err := p.do(ctx, account, post(user.Outlook().MasterCategories().BaseRequestBuilder, body))
	switch {
	case fault.Of(err) == fault.Conflict:
		return calendar.Category{}, fault.New(fault.Conflict, "there is a category %q already", c.Name)
	case err != nil:
		return calendar.Category{}, fmt.Errorf("create category: %w", writable(err))
	}
	var made category
	if err := readJSON(text, &made); err != nil {
		return calendar.Category{}, err
	}
	return made.read(), nil
}

// RecolourCategory gives a category another colour. Its name cannot change:
// https://learn.microsoft.com/graph/api/outlookcategory-update. Errors: calendar.ErrNotFound; of kind fault.Forbidden they name the permission that is
// missing.
func (p *Provider) RecolourCategory(ctx context.Context, account, id, colour string) error {
	user, err := p.user(ctx, account)
	if err != nil {
		return err
	}
	if err := calendar.CheckColour(colour); err != nil {
		return err
	}
	r := request(kiota.PATCH, user.Outlook().MasterCategories().ByOutlookCategoryId(id).BaseRequestBuilder)
	text, _ := json.Marshal(map[string]string{"color": colour}) // plain data
	r.SetStreamContentAndContentType(text, "application/json")
	if _, err := p.do(ctx, account, r); err != nil {
		return fmt.Errorf("recolour category: %w", writable(err))
	}
	return nil
}

// DeleteCategory removes a category from the list; events keep it. Errors are those of RecolourCategory.
func (p *Provider) DeleteCategory(ctx context.Context, account, id string) error {
	user, err := p.user(ctx, account)
	if err != nil {
		return err
	}
	if _, err := p.do(ctx, account, request(kiota.DELETE, user.Outlook().MasterCategories().ByOutlookCategoryId(id).BaseRequestBuilder)); err != nil {
		return fmt.Errorf("delete category: %w", writable(err))
	}
	return nil
}

// writable says of a refusal that categories may be read alone.
func writable(err error) error {
	return permitted(err, "MailboxSettings.ReadWrite", "the categories of this mailbox can only be read here; change them in Outlook")
}

// permitted says of a refusal which permission is missing, and what that means.
func permitted(err error, permission, means string) error {
	if f := new(Failure); errors.As(err, &f) && f.Status == http.StatusForbidden {
		return fault.New(fault.Forbidden, "%s: the permission %s of Microsoft Graph is missing, which an administrator can grant", means, permission)
	}
	return err
}

// Address returns the e-mail address of a mailbox: that of the owner of its default calendar. It may be empty.
func (p *Provider) Address(ctx context.Context, account string) (string, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return "", err
	}
	query := users.ItemCalendarRequestBuilderGetQueryParameters{Select: []string{"owner"}}
	text, err := p.do(ctx, account, get(user.Calendar().BaseRequestBuilder, query))
	if err != nil {
		return "", fmt.Errorf("read the address of the mailbox: %w", err)
	}
	var found struct {
		Owner struct {
			Address string `json:"address"`
		} `json:"owner"`
	}
	if err := readJSON(text, &found); err != nil {
		return "", err
	}
	return found.Owner.Address, nil
}

// MailboxZone returns the time zone of a mailbox, by its IANA or Windows name.
func (p *Provider) MailboxZone(ctx context.Context, account string) (string, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return "", err
	}
	query := users.ItemMailboxSettingsRequestBuilderGetQueryParameters{Select: []string{"timeZone"}}
	text, err := p.do(ctx, account, get(user.MailboxSettings().BaseRequestBuilder, query))
	if err != nil {
		return "", fmt.Errorf("read the time zone of the mailbox: %w", err)
	}
	var settings struct {
		TimeZone string `json:"timeZone"`
	}
	if err := readJSON(text, &settings); err != nil {
		return "", err
	}
	return settings.TimeZone, nil
}

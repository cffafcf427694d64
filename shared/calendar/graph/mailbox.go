package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/fault"
)

// Category is a master category: a name that events are tagged with, and how Outlook shows it.
type Category struct {
	ID    string `json:"id"`
	Name  string `json:"displayName"`
	Color string `json:"color"` // "none", or "preset0" to "preset24"
}

// MasterCategories lists the categories of a mailbox, in Outlook's order.
func (p *Provider) MasterCategories(ctx context.Context, account string) ([]Category, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return nil, err
	}
	var list []Category
	query := users.ItemOutlookMasterCategoriesRequestBuilderGetQueryParameters{Top: new(int32(100))}
	err = p.pages(ctx, account, get(user.Outlook().MasterCategories().BaseRequestBuilder, query), func(value json.RawMessage) error {
		var page []Category
		if err := readJSON(value, &page); err != nil {
			return err
		}
		list = append(list, page...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	return list, nil
}

// CreateMasterCategory adds a category; its ID is given by the service, an empty Color is "none". A name that exists is a Conflict.
func (p *Provider) CreateMasterCategory(ctx context.Context, account string, c Category) (Category, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return Category{}, err
	}
	if c.Name = strings.TrimSpace(c.Name); c.Name == "" {
		return Category{}, fault.Field("category.name", "is missing")
	}
	if c.Color == "" {
		c.Color = "none"
	}
	text, err := p.do(ctx, account, post(user.Outlook().MasterCategories().BaseRequestBuilder, map[string]string{"displayName": c.Name, "color": c.Color}))
	if err != nil {
		return Category{}, fmt.Errorf("create category: %w", err)
	}
	var made Category
	return made, readJSON(text, &made)
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

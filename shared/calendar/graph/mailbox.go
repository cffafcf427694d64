package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	user, err := p.user(account)
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

// CreateMasterCategory adds a category; its ID is given by the service, an empty Color is "none". A name that is taken is a Conflict.
func (p *Provider) CreateMasterCategory(ctx context.Context, account string, c Category) (Category, error) {
	user, err := p.user(account)
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

// MailboxSettings are what a user has set for the whole mailbox.
type MailboxSettings struct {
	TimeZone string // IANA or Windows name
	// WeekStart is the first day that the user works on, in the user's order. Outlook's own setting of the first day of a week is not in Graph.
	WeekStart time.Weekday
}

// MailboxSettings reads the settings of a mailbox. Where there are no working days, weeks start on Monday.
func (p *Provider) MailboxSettings(ctx context.Context, account string) (MailboxSettings, error) {
	user, err := p.user(account)
	if err != nil {
		return MailboxSettings{}, err
	}
	query := users.ItemMailboxSettingsRequestBuilderGetQueryParameters{Select: []string{"timeZone", "workingHours"}}
	text, err := p.do(ctx, account, get(user.MailboxSettings().BaseRequestBuilder, query))
	if err != nil {
		return MailboxSettings{}, fmt.Errorf("read mailbox settings: %w", err)
	}
	var settings struct {
		TimeZone     string `json:"timeZone"`
		WorkingHours struct {
			DaysOfWeek []string `json:"daysOfWeek"`
		} `json:"workingHours"`
	}
	if err := readJSON(text, &settings); err != nil {
		return MailboxSettings{}, err
	}
	s := MailboxSettings{TimeZone: settings.TimeZone, WeekStart: time.Monday}
	if days := settings.WorkingHours.DaysOfWeek; len(days) > 0 {
		if day, ok := weekdays[strings.ToLower(days[0])]; ok {
			s.WeekStart = day.Weekday
		}
	}
	return s, nil
}

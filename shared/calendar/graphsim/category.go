package graphsim

import (
	"net/http"
	"slices"
	"strings"
)

func (c *call) listCategories([]string) (*reply, error) {
	q, err := c.query("outlookCategory", "$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$count")
	if err != nil {
		return nil, err
	}
	var list []object
	for _, one := range c.mailbox.categories {
		list = append(list, one.object())
	}
	return c.list(q, list, "outlook/masterCategories")
}

func (k *Category) object() object {
	return object{"id": k.ID, "displayName": k.Name, "color": k.Color}
}

func (c *call) category(id string) (*Category, error) {
	i := slices.IndexFunc(c.mailbox.categories, func(k *Category) bool { return k.ID == id })
	if i < 0 {
		return nil, notFound()
	}
	return c.mailbox.categories[i], nil
}

func (c *call) getCategory(args []string) (*reply, error) {
	q, err := c.query("outlookCategory", "$select")
	if err != nil {
		return nil, err
	}
	one, err := c.category(args[0])
	if err != nil {
		return nil, err
	}
	return c.one(http.StatusOK, q.pick(one.object()), "outlook/masterCategories/$entity"), nil
}

func (c *call) categoryChange() (object, error) {
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	set, err := graphTypes().checkObject("outlookCategory", raw, nil)
	if err != nil {
		return nil, err
	}
	if _, there := set["id"]; there {
		return nil, readOnly("id")
	}
	return set, nil
}

func (c *call) createCategory([]string) (*reply, error) {
	set, err := c.categoryChange()
	if err != nil {
		return nil, err
	}
	name, _ := set["displayName"].(string)
	color, _ := set["color"].(string)
	fill(&color, "none")
	if strings.TrimSpace(name) == "" {
		return nil, badValue("The property 'displayName' is required and must not be blank.")
	}
	if slices.ContainsFunc(c.mailbox.categories, func(k *Category) bool { return strings.EqualFold(k.Name, name) }) {
		return nil, fail(http.StatusConflict, "CategoryNameDuplicate", "A category with the specified name already exists.")
	}
	one := &Category{ID: c.server.newID(""), Name: name, Color: color}
	c.mailbox.categories = append(c.mailbox.categories, one)
	c.server.changes.Add(1)
	return c.one(http.StatusCreated, one.object(), "outlook/masterCategories/$entity"), nil
}

// changeCategory changes the colour. A category's name is for ever:
// https://learn.microsoft.com/graph/api/outlookcategory-update
func (c *call) changeCategory(args []string) (*reply, error) {
	set, err := c.categoryChange()
	if err != nil {
		return nil, err
	}
	one, err := c.category(args[0])
	if err != nil {
		return nil, err
	}
	if name, there := set["displayName"]; there && name != one.Name {
		return nil, readOnly("displayName")
	}
	if color, _ := set["color"].(string); color != "" {
		one.Color = color
	}
	c.server.changes.Add(1)
	return c.one(http.StatusOK, one.object(), "outlook/masterCategories/$entity"), nil
}

func (c *call) deleteCategory(args []string) (*reply, error) {
	one, err := c.category(args[0])
	if err != nil {
		return nil, err
	}
	c.mailbox.categories = slices.DeleteFunc(c.mailbox.categories, func(k *Category) bool { return k == one })
	c.server.changes.Add(1)
	return noContent(), nil
}

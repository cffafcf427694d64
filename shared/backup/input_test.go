package backup

import (
	"testing"

	"adminassistant/shared/fault"
)

func TestRetentionIsCheckedRuleByRule(t *testing.T) {
	for name, r := range map[string]Retention{
		"":                  {Last: 1000, Daily: 7},
		"retention.last":    {Last: -1},
		"retention.daily":   {Daily: 1001},
		"retention.weekly":  {Last: 1, Weekly: 1001},
		"retention.monthly": {Monthly: -1},
	} {
		if err := r.Check(); fault.FieldOf(err) != name || err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

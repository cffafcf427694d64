package queue

import (
	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

// Parse reads the body of a message: one JSON value whose fields into knows, and nothing after it. Errors are of kind fault.Malformed.
func Parse(body []byte, into any) error {
	if err := strictjson.Unmarshal(body, into); err != nil {
		return fault.New(fault.Malformed, "unreadable: %v", err)
	}
	return nil
}

package queue

import (
	"bytes"
	"encoding/json"
	"io"

	"adminassistant/shared/fault"
)

// Parse reads the body of a message: one JSON value whose fields into knows, and nothing after it. Errors are of kind fault.Malformed.
func Parse(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fault.New(fault.Malformed, "unreadable: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.New(fault.Malformed, "there is more behind it")
	}
	return nil
}

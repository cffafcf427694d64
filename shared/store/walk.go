package store

import (
	"encoding/base64"
	"encoding/json"

	"adminassistant/shared/fault"
)

// After is the cursor of a walk through a whole table that has come to the key.
func (k Key) After() string {
	text, _ := json.Marshal([]string{k.PK, k.SK}) // strings always can be
	return base64.RawURLEncoding.EncodeToString(text)
}

// WalkedTo reads the cursor of a walk; false: it is empty, for the beginning. One that is malformed is fault.Invalid.
func WalkedTo(cursor string) (last Key, resumed bool, err error) {
	if cursor == "" {
		return Key{}, false, nil
	}
	var keys []string
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &keys) != nil || len(keys) != 2 {
		return Key{}, false, fault.Field("cursor", "is not one that a page of a walk ended with; begin again without it")
	}
	last = Key{keys[0], keys[1]}
	return last, true, last.Check()
}

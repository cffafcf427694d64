package store

import "strings"

const userPrefix = "USER#"

// OfUser is the key of what is kept of a user, who is named as account.Principal.Key does, in the user's partition.
func OfUser(user, sk string) Key { return Key{PK: UserPartition(user), SK: sk} }

// UserPartition is the partition of what is kept of a user.
func UserPartition(user string) string { return userPrefix + user }

// User is whose partition the key is in; empty if it is nobody's.
func (k Key) User() string {
	user, is := strings.CutPrefix(k.PK, userPrefix)
	if !is {
		return ""
	}
	return user
}

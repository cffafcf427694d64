package dynamo

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

const (
	// AttributeTTL is the attribute with the time to live.
	AttributeTTL = "ttl"

	attributePK      = "pk"
	attributeSK      = "sk"
	index            = "gsi1"
	attributeIndexPK = "gsi1pk"
	attributeIndexSK = "gsi1sk"
	attributeVersion = "version"
	attributeData    = "data"
	attributeWrite   = "write"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyAttributes(key store.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attributePK: text(key.PK), attributeSK: text(key.SK)}
}

// keysOf reads the keys that are among the attributes; an item outside the index has none of it.
func keysOf(attributes map[string]types.AttributeValue) store.Item {
	read := func(name string) string {
		if s, ok := attributes[name].(*types.AttributeValueMemberS); ok {
			return s.Value
		}
		return ""
	}
	return store.Item{
		Key:     store.Key{PK: read(attributePK), SK: read(attributeSK)},
		IndexPK: read(attributeIndexPK), IndexSK: read(attributeIndexSK),
	}
}

// item reads an item. What none of ours wrote is of kind fault.Malformed.
func item(attributes map[string]types.AttributeValue) (store.Item, error) {
	it := keysOf(attributes)
	malformed := func(what string) (store.Item, error) {
		return store.Item{}, fault.New(fault.Malformed, "stored item %s %s: %s cannot be read", it.PK, it.SK, what)
	}
	var err error
	if it.Version, err = version(attributes); err != nil {
		return malformed(attributeVersion)
	}
	if ttl, ok := attributes[AttributeTTL]; ok {
		seconds, ok := integer(ttl)
		if !ok {
			return malformed(AttributeTTL)
		}
		it.Expires = time.Unix(seconds, 0).UTC()
	}
	data, ok := attributes[attributeData].(*types.AttributeValueMemberB)
	if !ok {
		return malformed(attributeData)
	}
	it.Data, err = store.Unpack(data.Value)
	return it, err
}

// version reads the version among the attributes; without one they are of kind fault.Malformed.
func version(attributes map[string]types.AttributeValue) (int64, error) {
	v, ok := integer(attributes[attributeVersion])
	if !ok {
		return 0, fault.New(fault.Malformed, "a stored item has no version")
	}
	return v, nil
}

func integer(attribute types.AttributeValue) (int64, bool) {
	n, ok := attribute.(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(n.Value, 10, 64)
	return v, err == nil
}

// writtenBy says whether the request wrote these attributes.
func writtenBy(attributes map[string]types.AttributeValue, request string) bool {
	s, ok := attributes[attributeWrite].(*types.AttributeValueMemberS)
	return ok && s.Value == request
}

// update is an UpdateItem that replaces all of an item and adds one to its version.
type update struct {
	expression, condition string // an empty condition always holds
	names                 map[string]string
	values                map[string]types.AttributeValue
}

// updateNames are needed because most of these words are reserved.
var updateNames = map[string]string{"#version": attributeVersion, "#data": attributeData, "#ttl": AttributeTTL, "#write": attributeWrite}

func newUpdate(item *store.Item, packed []byte, cond store.Condition, request string) update {
	if packed == nil {
		packed = []byte{} // there is no null of bytes
	}
	condition, _, values := conditionExpression(cond)
	if values == nil {
		values = make(map[string]types.AttributeValue, 6)
	}
	values[":one"], values[":data"], values[":write"] = number(1), &types.AttributeValueMemberB{Value: packed}, text(request)
	set, remove := "SET #data = :data, #write = :write", ""
	if item.IndexPK != "" {
		set += ", gsi1pk = :indexpk, gsi1sk = :indexsk"
		values[":indexpk"], values[":indexsk"] = text(item.IndexPK), text(item.IndexSK)
	} else {
		remove = " REMOVE gsi1pk, gsi1sk"
	}
	switch {
	case !item.Expires.IsZero():
		set += ", #ttl = :ttl"
		values[":ttl"] = number(item.Expires.Unix())
	case remove == "":
		remove = " REMOVE #ttl"
	default:
		remove += ", #ttl"
	}
	return update{expression: set + remove + " ADD #version :one", condition: condition, names: updateNames, values: values}
}

// conditionExpression is a condition in DynamoDB's words, empty when it always holds. Version 0 stands for no item.
func conditionExpression(cond store.Condition) (expression string, names map[string]string, values map[string]types.AttributeValue) {
	v, versioned := cond.Version()
	switch {
	case cond.IsAbsent(), versioned && v == 0:
		return "attribute_not_exists(pk)", nil, nil
	case versioned:
		return "#version = :version", map[string]string{"#version": attributeVersion}, map[string]types.AttributeValue{":version": number(v)}
	}
	return "", nil, nil
}

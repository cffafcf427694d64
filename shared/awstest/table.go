package awstest

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table makes a table of the schema that a name has, which is gone after the test, and returns its name.
func Table(t testing.TB, cfg aws.Config, schema func(name string) *dynamodb.CreateTableInput) string {
	t.Helper()
	client, name := dynamodb.NewFromConfig(cfg), "test-"+rand.Text()
	_, err := client.CreateTable(t.Context(), schema(name))
	if made := new(types.ResourceInUseException); err != nil && !errors.As(err, &made) { // by an attempt whose answer came too late, or garbled
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
		if gone := new(types.ResourceNotFoundException); err != nil && !errors.As(err, &gone) {
			t.Errorf("delete the table: %v", err)
		}
	})
	return name
}

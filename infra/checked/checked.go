// Package checked says in a template why a rule of checkov does not hold for a resource.
package checked

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Not leaves rules of checkov out for a resource, each with the reason.
func Not(of constructs.Construct, rules map[string]string) {
	var skip []any
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		skip = append(skip, map[string]any{"id": rule, "comment": rules[rule]})
	}
	of.Node().DefaultChild().(awscdk.CfnResource).AddMetadata(jsii.String("checkov"), map[string]any{"skip": skip})
}

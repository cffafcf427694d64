package service

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsses"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newMail makes the configuration set of SES that e-mails go through, and has word of those that come back sent to the queue of the function that
// sends them. SES's own list of addresses to leave out is off for the set: it would keep an address shut that a user has put right, and would need a
// permission on all of the account's to open it.
func newMail(scope awscdk.Stack, to named) awsses.ConfigurationSet {
	here := constructs.NewConstruct(scope, jsii.String("mail"))
	set := awsses.NewConfigurationSet(here, jsii.String("Set"), &awsses.ConfigurationSetProps{DisableSuppressionList: jsii.Bool(true)})
	// SES knows no other bus than this one
	bus := awsevents.EventBus_FromEventBusName(here, jsii.String("Bus"), jsii.String("default"))
	set.AddEventDestination(jsii.String("Returned"), &awsses.ConfigurationSetEventDestinationOptions{
		Destination: awsses.EventDestination_EventBus(bus),
		Events:      &[]awsses.EmailSendingEvent{awsses.EmailSendingEvent_BOUNCE, awsses.EmailSendingEvent_COMPLAINT, awsses.EmailSendingEvent_REJECT},
	})
	rule := awsevents.NewRule(here, jsii.String("Rule"), &awsevents.RuleProps{
		Description: jsii.String("Admin Assistant: e-mails that came back"),
		EventPattern: &awsevents.EventPattern{
			Source: jsii.Strings("aws.ses"),
			Detail: &map[string]any{
				"eventType": []string{"Bounce", "Complaint", "Reject"},
				"mail":      map[string]any{"tags": map[string]any{"ses:configuration-set": []*string{set.ConfigurationSetName()}}},
			},
		},
	})
	rule.AddTarget(awseventstargets.NewSqsQueue(to.queue, nil))
	return set
}

// Package service is the stack of what runs: queues, functions, schedule, API, alarms. It can be replaced at any time; what must not
// be lost is in package data.
package service

import (
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"

	"adminassistant/infra/data"
	"adminassistant/infra/golambda"
	"adminassistant/infra/heads"
)

// Props decide what the stack is like. They have been checked.
type Props struct {
	// Stack has the name, and an account and a region that are known.
	Stack awscdk.StackProps
	// Stage is dev, staging or prod.
	Stage string
	// Commit is what of the source is deployed, for people.
	Commit string
	Data   *data.Stack
	// Heads is where the heads of ledgers are kept; nil: nowhere.
	Heads *heads.Stack
	// Functions is the folder of the built functions.
	Functions string
	// Canary is how long a tenth of the calls goes to a new version before all do, one of golambda.Canaries; 0 moves all at once.
	Canary time.Duration
	// LogLevel is debug, info, warn or error; LogDays is one of golambda.Retentions.
	LogLevel string
	LogDays  int
	// Destroy lets logs go when the stack is deleted.
	Destroy bool
	// MailFrom is who notifications come from, and MailIdentity the address or domain that SES verified for it.
	MailFrom     string
	MailIdentity string
	// MailConfigurationSet is the default configuration set of MailIdentity in SES; empty: it has none.
	MailConfigurationSet string
	// MailSandbox says that SES keeps the account in its sandbox, where it asks for permission on the identities of recipients, too.
	MailSandbox bool
	// PublicURL is the address under which people reach the API, for links in e-mails; empty: there are none.
	PublicURL string
	// Budget is how many dollars a month the account may cost before somebody is told; 0: nobody is.
	Budget int
	// AlarmEmail is who gets alarms; empty: nobody.
	AlarmEmail string
	SignIn     SignIn
	Graph      Graph
	// Reserve sets instances of the account's concurrency aside for each function but the API. An account has to keep 100 that nobody reserved,
	// and a new one may have no more than 10.
	Reserve bool
	// UnseenDays is for how many days jobs go on of a user who makes no request; 0: for ever.
	UnseenDays int
	// StampURL is the authority that is asked for a time-stamp of all heads once a day; empty: none is. StampTrust are the certificates that are believed, DER
	// in base64, separated by commas.
	StampURL, StampTrust string
	// ArchiveConcurrency and BackupConcurrency are how many messages of their queue are worked on at once, from 2.
	ArchiveConcurrency int
	BackupConcurrency  int
	// CORSOrigins are the origins of other sites whose pages may call the API; usually none.
	CORSOrigins []string
}

// SignIn says whose access tokens the API takes, and how people sign in.
type SignIn struct {
	// Authority is the address of Entra ID.
	Authority string
	// Audience is the id of the application that the tokens are for.
	Audience string
	// Tenants are the ids of the tenants whose users are let in, at least one.
	Tenants []string
	// Client is the id of the public application as which the command line signs in; empty is Audience.
	Client string
	// Programs are the ids of further applications whose tokens are taken, and ServiceRoles the application roles by which one of them may use
	// the API as itself, without a user.
	Programs, ServiceRoles []string
	// Identifiers are further names of the API (Application ID URIs); Guests lets in guests of Tenants.
	Identifiers []string
	Guests      bool
	// Credentials is the name or the ARN of a secret with the credentials of Audience, or Federated says that it shows who it is by the functions'
	// roles. Redirect is the address, ending in /auth/callback, at which browsers come back from a sign-in. With neither nobody signs in with a browser.
	Credentials string
	Federated   bool
	Redirect    string
}

// Web says whether people sign in with a browser.
func (s SignIn) Web() bool { return s.Credentials != "" || s.Federated }

// Graph says how Microsoft 365 is reached; the zero Graph does not reach it.
type Graph struct {
	// Delegated reaches each user's mailbox by the user's own sign-in with SignIn.Credentials, in place of an application's.
	Delegated bool
	// Tenant and Client name the application that an administrator consented to.
	Tenant, Client string
	// Credentials is the name or the ARN of a secret in Secrets Manager, in the stack's account and region; or Federated says that the application shows
	// who it is by the functions' roles.
	Credentials string
	Federated   bool
	// URL is another cloud's address; empty is the public cloud's.
	URL string
}

// New makes the stack. An error says which function is not built.
func New(scope constructs.Construct, id string, p Props) (awscdk.Stack, error) {
	built := names
	if p.Canary > 0 {
		built = append(slices.Clone(names), prober)
	}
	if err := golambda.Built(p.Functions, built...); err != nil {
		return nil, err
	}
	stack := awscdk.NewStack(scope, &id, &p.Stack)
	queues := newQueues(stack)
	functions := newFunctions(stack, p, queues, newMail(stack, queues.notify.queue))
	newSchedule(stack, functions.dispatcher, queues.scheduleDead)
	gateway := newAPI(stack, p, functions.api)
	alarms, topic := newAlarms(stack, p, queues, functions, gateway)
	functions.rollBackOn(alarms)
	deployed := functions.pins.Record(stack, p.Commit, functions.all()...)
	newDashboard(stack, p, queues, functions, gateway, alarms)

	output := func(id, what string, value *string) {
		awscdk.NewCfnOutput(stack, &id, &awscdk.CfnOutputProps{Value: value, Description: &what})
	}
	output("ApiUrl", "address of the API", gateway.ApiEndpoint())
	output("Deployed", "name of the parameter that says which versions the last deployment ended with", deployed.Ref())
	output("AlarmTopic", "where alarms are told", topic.TopicArn())
	for _, q := range queues.all() {
		output("Queue"+title(q.name), "URL of the queue "+q.name, q.queue.QueueUrl())
	}
	for _, f := range functions.told() {
		output("Function"+title(f.Name), "name of the function "+f.Name, f.Function.FunctionName())
	}
	for _, f := range functions.vouched(p) {
		output("Role"+title(f.Name), "ARN of the role of the function "+f.Name+", the subject of a federated credential in Entra ID", f.Function.Role().RoleArn())
	}
	return stack, nil
}

// Package app is the composition root: it turns settings into services, for one machine and for the cloud.
package app

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/caarlos0/env/v11"

	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/mail"
)

// Settings are all that the environment decides. Nothing else reads the environment.
type Settings struct {
	// Data is the folder of the embedded stores; empty means the operating system's folder for data.
	Data string `env:"ADMIN_ASSISTANT_DATA"`
	// API is where the command line finds a running server.
	API string `env:"ADMIN_ASSISTANT_API" envDefault:"http://127.0.0.1:8080"`
	// Token is a bearer token for the server that API names, which the command line sends in the place of a sign-in.
	Token string `env:"ADMIN_ASSISTANT_TOKEN"`
	// LogLevel is one of debug, info, warn, error, disabled; empty means warn for a server, disabled for a command.
	LogLevel string `env:"ADMIN_ASSISTANT_LOG_LEVEL"`
	// GraphURL is the address of Microsoft Graph with its version; empty is the public cloud's.
	GraphURL string `env:"ADMIN_ASSISTANT_GRAPH_URL"`
	// GraphToken is a fixed bearer token, for test servers and proxies. Otherwise the application signs in itself, by the settings below.
	GraphToken string `env:"ADMIN_ASSISTANT_GRAPH_TOKEN"`
	// GraphTenant is the application's tenant on one machine; deployed, it signs in at the tenant of the user for whom it asks.
	// GraphTenant, GraphClient and either GraphSecret or GraphCertificate (a file, PEM or PKCS #12) are an application that an
	// organisation's admin consented to.
	GraphTenant              string `env:"ADMIN_ASSISTANT_GRAPH_TENANT"`
	GraphClient              string `env:"ADMIN_ASSISTANT_GRAPH_CLIENT"`
	GraphSecret              string `env:"ADMIN_ASSISTANT_GRAPH_SECRET"`
	GraphCertificate         string `env:"ADMIN_ASSISTANT_GRAPH_CERTIFICATE"`
	GraphCertificatePassword string `env:"ADMIN_ASSISTANT_GRAPH_CERTIFICATE_PASSWORD"`
	// GraphCredentials names a secret of AWS Secrets Manager that holds, in GraphSecret's or GraphCertificate's place, a JSON object:
	// {"client_secret"} or {"certificate","password"}, the certificate as PEM or as PKCS #12 in base64.
	GraphCredentials string `env:"ADMIN_ASSISTANT_GRAPH_CREDENTIALS"`
	// GraphFederated signs GraphClient in by the IAM role of the function, for which AWS vouches to Entra ID, in the place of a secret.
	GraphFederated bool `env:"ADMIN_ASSISTANT_GRAPH_FEDERATED"`
	// GraphDelegated reaches every user's mailbox on the user's own behalf, by the sign-in of SignInCredentials, in place of an application's.
	GraphDelegated bool `env:"ADMIN_ASSISTANT_GRAPH_DELEGATED"`
	// Lease is how long an archive calendar stays reserved after the last sign of life of a run.
	Lease time.Duration `env:"ADMIN_ASSISTANT_LEASE" envDefault:"15s"`
	// HandOn is how long before its deadline a worker stops and hands the rest of a run on.
	HandOn time.Duration `env:"ADMIN_ASSISTANT_HAND_ON" envDefault:"60s"`

	// PublicURL is the address at which users reach the API, for links in e-mails; empty: e-mails have none.
	PublicURL string `env:"ADMIN_ASSISTANT_PUBLIC_URL"`
	// MailFrom is the address from which e-mails come; empty on one machine: admin-assistant@localhost.
	MailFrom string `env:"ADMIN_ASSISTANT_MAIL_FROM"`

	// MailSet is the configuration set of SES that e-mails go through, whose events say which came back; empty: nobody hears of that.
	MailSet string `env:"ADMIN_ASSISTANT_MAIL_SET"`

	// StampURL is the address of an authority that gives time-stamps (RFC 3161), which is asked once a day; empty: none is. StampTrust are the
	// certificates that are believed: PEM, a file with PEM, or DER in base64, separated by commas.
	StampURL   string `env:"ADMIN_ASSISTANT_STAMP_URL"`
	StampTrust string `env:"ADMIN_ASSISTANT_STAMP_TRUST"`

	// The settings below are of the functions in the cloud alone; the deployment sets them.

	// Stage is dev, staging or prod; it distinguishes the metrics of several deployments.
	Stage string `env:"ADMIN_ASSISTANT_STAGE"`
	// Table is the name of the DynamoDB table.
	Table string `env:"ADMIN_ASSISTANT_TABLE"`
	// Bucket is the name of the S3 bucket.
	Bucket string `env:"ADMIN_ASSISTANT_BUCKET"`
	// HeadBucket is the name of the S3 bucket, with Object Lock, that keeps the heads of ledgers; empty: nobody keeps them.
	HeadBucket string `env:"ADMIN_ASSISTANT_HEAD_BUCKET"`
	// QueueArchive, QueueBackup and QueueNotify are addresses of SQS queues, and those with Dead of their dead-letter queues.
	QueueArchive     string `env:"ADMIN_ASSISTANT_QUEUE_ARCHIVE"`
	QueueArchiveDead string `env:"ADMIN_ASSISTANT_QUEUE_ARCHIVE_DEAD"`
	QueueBackup      string `env:"ADMIN_ASSISTANT_QUEUE_BACKUP"`
	QueueBackupDead  string `env:"ADMIN_ASSISTANT_QUEUE_BACKUP_DEAD"`
	QueueNotify      string `env:"ADMIN_ASSISTANT_QUEUE_NOTIFY"`
	QueueNotifyDead  string `env:"ADMIN_ASSISTANT_QUEUE_NOTIFY_DEAD"`
	// SignInAuthority is the address of Entra ID; SignInAudience the id of the application whose access tokens the API takes, and
	// SignInTenants are the ids of the tenants whose users it lets in, separated by commas.
	SignInAuthority string   `env:"ADMIN_ASSISTANT_SIGN_IN_AUTHORITY" envDefault:"https://login.microsoftonline.com"`
	SignInAudience  string   `env:"ADMIN_ASSISTANT_SIGN_IN_AUDIENCE"`
	SignInTenants   []string `env:"ADMIN_ASSISTANT_SIGN_IN_TENANTS"`
	// SignInIdentifiers are further names of the API of SignInAudience (Application ID URIs), beside api://<id>, that version 1 access tokens have.
	SignInIdentifiers []string `env:"ADMIN_ASSISTANT_SIGN_IN_IDENTIFIERS"`
	// SignInGuests lets in guests of the tenants, whose accounts are of other ones.
	SignInGuests bool `env:"ADMIN_ASSISTANT_SIGN_IN_GUESTS"`
	// SignInClient is the id of the application as which the command line signs in, a public client; empty: SignInAudience.
	SignInClient string `env:"ADMIN_ASSISTANT_SIGN_IN_CLIENT"`
	// SignInPrograms are the ids of further applications whose access tokens the API takes, beside SignInAudience and SignInClient.
	SignInPrograms []string `env:"ADMIN_ASSISTANT_SIGN_IN_PROGRAMS"`
	// SignInServiceRoles are application roles: a program of SignInPrograms that has one may use the API as itself, without a user.
	SignInServiceRoles []string `env:"ADMIN_ASSISTANT_SIGN_IN_SERVICE_ROLES"`
	// SignInCredentials names a secret of the form of GraphCredentials's, by which the application of SignInAudience signs users in on
	// the web, or SignInFederated says that it does so by the IAM role of the function, as with GraphFederated. With neither there is no sign-in on the
	// web. SignInRedirect is the address, ending in /auth/callback, at which they come back.
	SignInCredentials string `env:"ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS"`
	SignInFederated   bool   `env:"ADMIN_ASSISTANT_SIGN_IN_FEDERATED"`
	SignInRedirect    string `env:"ADMIN_ASSISTANT_SIGN_IN_REDIRECT"`
	// UnseenDays is for how many days jobs of a user go on who makes no request, where an application reaches the mailboxes: Entra ID says nothing
	// of users who leave. 0: for ever.
	UnseenDays int `env:"ADMIN_ASSISTANT_UNSEEN_DAYS" envDefault:"60"`
	// Versions are the new versions of functions that a probe tries, each as <function>=<ARN with the version>.
	Versions []string `env:"ADMIN_ASSISTANT_VERSIONS"`
	// MemoryMB is how many megabytes of memory the function has, which Lambda itself says; 0 on one machine: as much as is needed.
	MemoryMB int `env:"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"`
	// Key is the ARN of the KMS key that seals the signing key of ledgers' heads, and users' tokens of Microsoft.
	Key string `env:"ADMIN_ASSISTANT_KEY"`
}

// FromEnvironment reads the settings; errors are of kind fault.Invalid and name the variable.
func FromEnvironment() (Settings, error) {
	var s Settings
	if err := env.Parse(&s); err != nil {
		return Settings{}, unparsable(err)
	}
	if s.Lease < time.Second || s.Lease > 15*time.Minute {
		return Settings{}, fault.Field("ADMIN_ASSISTANT_LEASE", "must be between 1s and 15m, not %s", s.Lease)
	}
	if s.HandOn < 0 || s.HandOn > 10*time.Minute {
		return Settings{}, fault.Field("ADMIN_ASSISTANT_HAND_ON", "must be between 0s and 10m, not %s", s.HandOn)
	}
	if s.HeadBucket != "" && s.HeadBucket == s.Bucket {
		return Settings{}, fault.Field("ADMIN_ASSISTANT_HEAD_BUCKET", "is ADMIN_ASSISTANT_BUCKET too; heads have a bucket of their own")
	}
	if s.UnseenDays < 0 || s.UnseenDays > 0 && s.UnseenDays < 8 || s.UnseenDays > 3650 {
		return Settings{}, fault.Field("ADMIN_ASSISTANT_UNSEEN_DAYS", "must be 0 or a number of days from 8 to 3650, not %d", s.UnseenDays)
	}
	if err := s.checkMail(); err != nil {
		return Settings{}, err
	}
	return s, s.checkGraph()
}

// checkMail refuses addresses that are none.
func (s *Settings) checkMail() error {
	if s.MailFrom != "" {
		if _, err := mail.Address("ADMIN_ASSISTANT_MAIL_FROM", s.MailFrom); err != nil {
			return err
		}
	}
	if u, err := url.Parse(s.PublicURL); err != nil || s.PublicURL != "" && (u.Host == "" || u.Scheme != "https" && u.Scheme != "http" ||
		u.RawQuery != "" || u.Fragment != "") {
		return fault.Field("ADMIN_ASSISTANT_PUBLIC_URL", "must be an address as in https://calendar.example.com")
	}
	s.PublicURL = strings.TrimRight(s.PublicURL, "/")
	return nil
}

// unparsable names the variable whose text is not of its type. The text itself is left out: it may be a secret in the wrong place.
func unparsable(err error) error {
	var all env.AggregateError
	if errors.As(err, &all) {
		for _, err := range all.Errors {
			var parse env.ParseError
			if !errors.As(err, &parse) {
				continue
			}
			if field, ok := reflect.TypeFor[Settings]().FieldByName(parse.Name); ok {
				what := parse.Type.String()
				if parse.Type == reflect.TypeFor[time.Duration]() {
					what = "duration such as 90s or 1h"
				}
				return fault.Field(field.Tag.Get("env"), "must be a %s", what)
			}
		}
	}
	return fault.New(fault.Invalid, "settings: %v", err)
}

// checkGraph refuses settings of Microsoft Graph of which one would be ignored.
func (s Settings) checkGraph() error {
	if s.GraphToken != "" && s.GraphTenant+s.GraphClient != "" {
		return fault.Field("ADMIN_ASSISTANT_GRAPH_TOKEN", "contradicts ADMIN_ASSISTANT_GRAPH_TENANT and _CLIENT; set one or the other")
	}
	if s.GraphDelegated {
		if s.GraphToken+s.GraphTenant+s.GraphClient != "" {
			return fault.Field("ADMIN_ASSISTANT_GRAPH_DELEGATED", "contradicts ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _TOKEN; set one or the other")
		}
		if err := s.require("ADMIN_ASSISTANT_SIGN_IN_AUDIENCE", "ADMIN_ASSISTANT_SIGN_IN_TENANTS"); err != nil {
			return err
		}
		if !s.webSignIn() {
			return fault.Field("ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS", "is not set, nor ADMIN_ASSISTANT_SIGN_IN_FEDERATED")
		}
	}
	if s.SignInCredentials != "" && s.SignInFederated {
		return fault.Field("ADMIN_ASSISTANT_SIGN_IN_FEDERATED", "contradicts ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS; set one of them")
	}
	if s.webSignIn() {
		if err := s.require("ADMIN_ASSISTANT_SIGN_IN_REDIRECT", "ADMIN_ASSISTANT_KEY"); err != nil {
			return err
		}
	}
	if (s.GraphTenant == "") != (s.GraphClient == "") {
		missing := "ADMIN_ASSISTANT_GRAPH_CLIENT"
		if s.GraphTenant == "" {
			missing = "ADMIN_ASSISTANT_GRAPH_TENANT"
		}
		return fault.Field(missing, "is not set; an application has a tenant and a client")
	}
	if u, err := url.Parse(s.GraphURL); err != nil || s.GraphURL != "" && (u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return fault.Field("ADMIN_ASSISTANT_GRAPH_URL", "must be an address as in https://graph.microsoft.com/v1.0")
	}
	if s.GraphFederated && s.GraphClient == "" {
		return fault.Field("ADMIN_ASSISTANT_GRAPH_CLIENT", "is not set; with ADMIN_ASSISTANT_GRAPH_FEDERATED an application has to be named")
	}
	var given []string
	if s.GraphFederated {
		given = append(given, "_FEDERATED")
	}
	for name, value := range map[string]string{"_SECRET": s.GraphSecret, "_CERTIFICATE": s.GraphCertificate, "_CREDENTIALS": s.GraphCredentials} {
		if value != "" {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		slices.Sort(given)
		return fault.Field("ADMIN_ASSISTANT_GRAPH"+given[0], "contradicts ADMIN_ASSISTANT_GRAPH%s; set one of them", given[1])
	}
	return nil
}

// webSignIn says whether users sign in with a browser.
func (s Settings) webSignIn() bool { return s.SignInCredentials != "" || s.SignInFederated }

// require says which of the settings, by the names of their variables, is missing.
func (s Settings) require(names ...string) error {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		name := field.Tag.Get("env")
		if slices.Contains(names, name) && reflect.ValueOf(s).FieldByIndex(field.Index).IsZero() {
			return fault.Field(name, "is not set")
		}
	}
	return nil
}

// memory is what the process may use, from which its limits follow.
func (s Settings) memory() limit.Memory { return limit.Megabytes(s.MemoryMB) }

// HasGraph says whether the settings say how to reach Microsoft 365.
func (s Settings) HasGraph() bool {
	return s.GraphToken != "" || s.GraphTenant != "" || s.GraphClient != "" || s.GraphDelegated
}

// DataDir returns the absolute path of the data folder.
func (s Settings) DataDir() (string, error) {
	dir := s.Data
	if dir == "" {
		dir = filepath.Join(xdg.DataHome, "admin-assistant")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return abs, nil
}

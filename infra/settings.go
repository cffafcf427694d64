package main

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/infra/data"
	"adminassistant/infra/golambda"
	"adminassistant/infra/outside"
	"adminassistant/infra/service"
)

// settings are all that a deployment decides.
type settings struct {
	// Stage is dev, staging or prod. It has no default, so that nobody deploys to the wrong one by leaving it out.
	Stage string
	// Account and Region are where the stacks are; without them, where the CDK command line is signed in.
	Account, Region string
	// Commit is what of the source is deployed, for people; "unknown" where nobody says.
	Commit string
	// Functions is the folder of the built functions.
	Functions string
	// MailFrom is who notifications come from. MailIdentity is what SES verified for it: the address, or its domain (the default).
	MailFrom, MailIdentity string
	// Budget is how many dollars a month the account may cost before somebody is told; 0: nobody is.
	Budget int
	// MailConfigurationSet is the default configuration set of MailIdentity, if it has one.
	MailConfigurationSet string
	// MailSandbox says that SES keeps the account in its sandbox.
	MailSandbox bool
	// AlarmEmail is who gets alarms; prod has to name somebody.
	AlarmEmail string
	// OutsideProbe has AWS ask the API at PublicURL from other regions, and tell AlarmEmail when it does not answer.
	OutsideProbe bool
	// PublicURL is the address, without a path, under which people reach the API. A sign-in with a browser comes back there.
	PublicURL string
	SignIn    service.SignIn
	Graph     service.Graph
	// UnseenDays is for how many days jobs go on of a user who makes no request, where an application reaches the mailboxes; 0: for ever.
	UnseenDays int
	// StampURL is the authority that is asked for a time-stamp once a day; empty: none is. StampTrust are the certificates that are believed, DER in
	// base64, separated by commas: those of the file that the setting names.
	StampURL, StampTrust string
	// LogLevel is debug, info, warn or error. LogDays is for how long logs are kept.
	LogLevel string
	LogDays  int
	// Table and Bucket are names of ones that exist, to be used in the place of those that the deployment makes; empty: none.
	Table, Bucket string
	// CopyVault is the ARN of a vault of AWS Backup in another account to which the data is copied every day; empty: it is not.
	CopyVault string
	// Destroy deletes the data with the stack; in dev alone.
	Destroy bool
	// Canary is how long a tenth of the calls goes to a new version before all do; 0 moves all at once.
	Canary time.Duration
	// Reserve sets instances of the account's concurrency aside for the functions.
	Reserve bool
	// ArchiveConcurrency and BackupConcurrency are how many runs of the kind are carried out at once.
	ArchiveConcurrency, BackupConcurrency int
	// CORSOrigins are the origins of other sites whose pages may call the API.
	CORSOrigins []string
	// WarmReads and WarmWrites are how many units a second the table takes from the beginning; 0: as many as any new table.
	WarmReads, WarmWrites int
}

// stageDefaults are what differs between the stages when nothing is said.
var stageDefaults = map[string]struct {
	logDays     int
	canary      string
	concurrency int
	reserve     string
	budget      int
}{
	"dev":     {logDays: 14, canary: "off", concurrency: 2, reserve: "off", budget: 10},
	"staging": {logDays: 30, canary: "5m", concurrency: 5, reserve: "on", budget: 20},
	"prod":    {logDays: 90, canary: "10m", concurrency: 20, reserve: "on", budget: 100},
}

// The most that may run at once is what leaves room for other functions in an account with the usual limit of 1,000.
const (
	minConcurrency = 2
	maxConcurrency = 400
	// maxTenants and maxPrograms are how many ids fit into the variables of a function, 37 bytes each.
	maxTenants  = 40
	maxPrograms = 10
	// maxWarm is what AWS gives a table without being asked for more, in units a second.
	maxWarm = 40000
	// unreserved is what of an account's concurrency nobody may reserve, and smallAccount the concurrency below which nothing is reserved unless
	// somebody asks for it. A new account may have 10.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
	unreserved   = 100
	smallAccount = 200
)

// source finds the value of a setting in what a command line, the environment and cdk.json say; empty when none does.
type source func(name string) string

// variable is the environment variable of a setting: that of "mail-from" is ADMIN_ASSISTANT_MAIL_FROM.
func variable(name string) string {
	if name == "stage" {
		return "STAGE"
	}
	return "ADMIN_ASSISTANT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// names are all settings.
var names = []string{
	"stage", "account", "region", "commit", "functions", "mail-from", "mail-identity", "mail-configuration-set", "mail-sandbox", "alarm-email",
	"sign-in-authority", "sign-in-audience", "sign-in-tenants",
	"sign-in-client", "sign-in-programs", "sign-in-service-roles", "sign-in-identifiers", "sign-in-guests", "sign-in-credentials",
	"unseen-days", "stamp-url", "stamp-trust", "public-url", "graph-delegated", "graph-tenant",
	"graph-client", "graph-credentials", "graph-url", "log-level", "log-days", "removal", "canary", "archive-concurrency", "backup-concurrency", "cors-origins",
	"table-warm-reads", "table-warm-writes", "reserved-concurrency", "account-concurrency", "budget", "table", "bucket", "copy-vault",
	"outside-probe",
}

// sources looks a setting up in the context that the command line gives (-c name=value) or cdk.json has, then in the environment, then
// in what cdk.json has for the stage. An error names what is said there that no setting is called.
func sources(context func(name string) any, env func(name string) string) (source, error) {
	said := func(name string) string {
		if value := context(name); value != nil {
			return fmt.Sprint(value)
		}
		return env(variable(name))
	}
	var ofStage map[string]any
	if stages := context("stages"); stages != nil {
		all, ok := stages.(map[string]any)
		if !ok {
			return nil, errors.New(`stages in cdk.json must be an object that holds an object for each stage`)
		}
		for stage, value := range all {
			of, ok := value.(map[string]any)
			if _, known := stageDefaults[stage]; !ok || !known {
				return nil, fmt.Errorf("stages.%s in cdk.json must be an object and be named dev, staging or prod", stage)
			}
			for name := range of {
				if name == "stage" || !slices.Contains(names, name) {
					return nil, fmt.Errorf("stages.%s.%s in cdk.json is no setting; there are: %s", stage, name, strings.Join(names[1:], ", "))
				}
			}
			if stage == said("stage") {
				ofStage = of
			}
		}
	}
	return func(name string) string {
		if value := said(name); value != "" {
			return value
		}
		if value := ofStage[name]; value != nil {
			return fmt.Sprint(value)
		}
		return ""
	}, nil
}

var (
	accountForm    = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	guidForm       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domainForm     = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	setForm        = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	secretForm     = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	secretARNForm  = regexp.MustCompile(`^arn:[a-z-]+:secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$`)
	tableForm      = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)
	bucketForm     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	vaultForm      = regexp.MustCompile(`^arn:[a-z-]+:backup:[a-z0-9-]+:([0-9]{12}):backup-vault:[A-Za-z0-9_-]{2,50}$`)
	commitForm     = regexp.MustCompile(`^[\w.-]{1,100}$`)
	localHostForms = []string{"localhost", "127.0.0.1"}
)

// reader reads settings and collects what is wrong with them, so that all of it is reported at once.
type reader struct {
	from source
	errs []error
}

// refuse says what is wrong with a setting, and how to give it.
func (r *reader) refuse(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s %s (-c %s=..., or %s)", name, fmt.Sprintf(format, args...), name, variable(name)))
}

// text reads a setting that may be left out.
func (r *reader) text(name string) string { return strings.TrimSpace(r.from(name)) }

// must reads a setting that has to be there and of the form.
func (r *reader) must(name string, form *regexp.Regexp, what string) string {
	value := r.text(name)
	switch {
	case value == "":
		r.refuse(name, "is not set; it must be %s", what)
	case form != nil && !form.MatchString(value):
		r.refuse(name, "must be %s, not %q", what, value)
	}
	return value
}

// oneOf reads one of some words.
func (r *reader) oneOf(name, fallback string, words ...string) string {
	value := cmp.Or(r.text(name), fallback)
	if !slices.Contains(words, value) {
		r.refuse(name, "must be one of %s, not %q", strings.Join(words, ", "), value)
	}
	return value
}

// number reads a number from low to high; it is 0 when it was refused.
func (r *reader) number(name string, fallback, low, high int) int {
	value := r.text(name)
	if value == "" {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		r.refuse(name, "must be a number from %d to %d, not %q", low, high, value)
	}
	return n
}

// list reads what commas separate.
func (r *reader) list(name string) []string {
	var list []string
	for part := range strings.SplitSeq(r.text(name), ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if slices.Contains(list, part) {
			r.refuse(name, "has %q twice", part)
			continue
		}
		list = append(list, part)
	}
	return list
}

// address reads an e-mail address, without a display name.
func (r *reader) address(name string) string {
	value := r.text(name)
	if value == "" {
		return ""
	}
	if parsed, err := mail.ParseAddress(value); err != nil || parsed.Address != value {
		r.refuse(name, "must be an e-mail address alone, such as someone@example.com, not %q", value)
	}
	return value
}

// https reads an address of a service.
func (r *reader) https(name, fallback string) string {
	value := cmp.Or(r.text(name), fallback)
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.refuse(name, "must be an address that begins with https:// and has no query, not %q", value)
	}
	return strings.TrimSuffix(value, "/")
}

// origin reads the address of a service that has a host to itself.
func (r *reader) origin(name string) string {
	value := r.https(name, "")
	if u, err := url.Parse(value); err == nil && u.Path != "" {
		r.refuse(name, "must be an address without a path, such as https://calendar.example.com, not %q", value)
	}
	return value
}

// federated is the word for an application that shows who it is by the IAM roles of the functions, in the place of a secret.
const federated = "federated"

// secret checks what names a secret of Secrets Manager, in the region and the account of the functions.
func (r *reader) secret(name, value, region, account string) {
	arn := secretARNForm.FindStringSubmatch(value)
	switch {
	case value == "":
	case arn == nil && !secretForm.MatchString(value):
		r.refuse(name, "must be the name or the whole ARN of a secret in Secrets Manager") // not shown: it may be the secret itself
	case arn != nil && (arn[1] != region || arn[2] != account):
		r.refuse(name, "names a secret in region %s of account %s; the functions run in %s of %s", arn[1], arn[2], region, account)
	}
}

// read reads and checks all settings. The error names each setting that is missing, malformed or contradicts another one.
func read(from source) (settings, error) {
	r := &reader{from: from}
	var s settings
	s.Stage = r.text("stage")
	defaults, known := stageDefaults[s.Stage]
	if !known {
		r.refuse("stage", "must be dev, staging or prod, not %q", s.Stage)
		return s, errors.Join(r.errs...)
	}
	s.Account = r.must("account", accountForm, "an AWS account of twelve digits")
	s.Region = r.must("region", regionForm, "an AWS region such as eu-central-1")
	s.Functions = cmp.Or(r.text("functions"), "dist/functions")
	if s.Commit = cmp.Or(r.text("commit"), "unknown"); !commitForm.MatchString(s.Commit) {
		r.refuse("commit", "must be letters, digits, dots, hyphens and underscores, not %q", s.Commit)
	}
	s.readMail(r)
	s.readSignIn(r)
	s.readGraph(r)
	s.UnseenDays = r.number("unseen-days", 60, 0, 3650)
	if s.UnseenDays > 0 && s.UnseenDays < 8 {
		r.refuse("unseen-days", "must be 0 or at least 8: a user is told a week before, not %d", s.UnseenDays)
	}
	if s.Graph.Delegated {
		s.UnseenDays = 0 // Entra ID ends users' sign-ins, and what they reach
	}
	s.readStamps(r)
	s.LogLevel = r.oneOf("log-level", "info", "debug", "info", "warn", "error")
	s.LogDays = r.number("log-days", defaults.logDays, 1, 3653)
	if _, ok := golambda.Retentions[s.LogDays]; !ok && s.LogDays != 0 {
		r.refuse("log-days", "must be a number of days that CloudWatch knows, such as 14, 30, 90, 180, 365 or 731, not %d", s.LogDays)
	}
	s.Destroy = r.oneOf("removal", "retain", "retain", "destroy") == "destroy"
	if s.Destroy && s.Stage != "dev" {
		r.refuse("removal", "is destroy, which stage %s must not be: its data stays", s.Stage)
	}
	for name, into := range map[string]*string{"table": &s.Table, "bucket": &s.Bucket} {
		if *into = r.text(name); *into != "" && !map[string]*regexp.Regexp{"table": tableForm, "bucket": bucketForm}[name].MatchString(*into) {
			r.refuse(name, "must be the name of a %s that exists, not %q", name, *into)
		}
	}
	s.CopyVault = r.text("copy-vault")
	switch vault := vaultForm.FindStringSubmatch(s.CopyVault); {
	case s.CopyVault == "":
	case vault == nil:
		r.refuse("copy-vault", "must be the ARN of a vault of AWS Backup, not %q", s.CopyVault)
	case vault[1] == s.Account:
		r.refuse("copy-vault", "is in this account, %s; a copy is for when the account is lost", s.Account)
	}
	s.readOutside(r)
	s.Budget = r.number("budget", defaults.budget, 0, 1_000_000)
	s.readCanary(r, defaults.canary)
	s.ArchiveConcurrency = r.number("archive-concurrency", defaults.concurrency, minConcurrency, maxConcurrency)
	s.BackupConcurrency = r.number("backup-concurrency", defaults.concurrency, minConcurrency, maxConcurrency)
	s.readReserve(r, defaults.reserve)
	s.readOrigins(r)
	if r.text("table-warm-reads") != "" {
		s.WarmReads = r.number("table-warm-reads", 0, data.NewReads, maxWarm)
	}
	if r.text("table-warm-writes") != "" {
		s.WarmWrites = r.number("table-warm-writes", 0, data.NewWrites, maxWarm)
	}
	return s, errors.Join(r.errs...)
}

// readStamps reads who is asked for time-stamps. The certificates come out of a file, since the functions have none.
func (s *settings) readStamps(r *reader) {
	s.StampURL = r.text("stamp-url")
	file := r.text("stamp-trust")
	if s.StampURL == "" {
		if file != "" {
			r.refuse("stamp-trust", "is set, and stamp-url is not: nobody is asked")
		}
		return
	}
	if u, err := url.Parse(s.StampURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		r.refuse("stamp-url", "must be the address of an authority, as in https://tsa.example/tsr, not %q", s.StampURL)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		r.refuse("stamp-trust", "must be a file with the certificates of the authority, as PEM: %v", err)
		return
	}
	var all []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			r.refuse("stamp-trust", "has something else than certificates in %s", file)
			return
		}
		all = append(all, base64.StdEncoding.EncodeToString(block.Bytes))
	}
	if s.StampTrust = strings.Join(all, ","); s.StampTrust == "" || len(s.StampTrust) > mostTrust {
		r.refuse("stamp-trust", "must have certificates of at most %d bytes in base64, which the functions' environment holds; it has %d", mostTrust,
			len(s.StampTrust))
	}
}

// mostTrust is how much of the 4 KB of a function's environment certificates may take.
const mostTrust = 2048

func (s *settings) readMail(r *reader) {
	if s.MailFrom = r.address("mail-from"); s.MailFrom == "" {
		r.refuse("mail-from", "is not set; it must be an address that SES has verified")
	}
	domain := strings.ToLower(s.MailFrom[strings.LastIndex(s.MailFrom, "@")+1:])
	s.MailIdentity = cmp.Or(r.text("mail-identity"), domain)
	if s.MailFrom != "" && s.MailIdentity != s.MailFrom && s.MailIdentity != domain && !strings.HasSuffix(domain, "."+s.MailIdentity) {
		r.refuse("mail-identity", "is %q, which does not stand for mail-from, %q; it must be that address, its domain or a domain above", s.MailIdentity, s.MailFrom)
	}
	if s.MailConfigurationSet = r.text("mail-configuration-set"); s.MailConfigurationSet != "" && !setForm.MatchString(s.MailConfigurationSet) {
		r.refuse("mail-configuration-set", "must be the name of a configuration set of SES, not %q", s.MailConfigurationSet)
	}
	s.MailSandbox = r.oneOf("mail-sandbox", "off", "on", "off") == "on"
	if s.AlarmEmail = r.address("alarm-email"); s.AlarmEmail == "" && s.Stage == "prod" {
		r.refuse("alarm-email", "is not set; in prod somebody has to be told of alarms")
	}
}

func (s *settings) readSignIn(r *reader) {
	s.SignIn.Authority = r.https("sign-in-authority", "https://login.microsoftonline.com")
	s.SignIn.Audience = r.must("sign-in-audience", guidForm, "the id of the application whose access tokens the API takes")
	s.SignIn.Tenants = r.list("sign-in-tenants")
	if len(s.SignIn.Tenants) == 0 {
		r.refuse("sign-in-tenants", "is not set; it must name the tenants whose users are let in, by their ids, separated by commas")
	}
	if len(s.SignIn.Tenants) > maxTenants {
		r.refuse("sign-in-tenants", "names %d tenants; %d fit into the 4 KB of a function's variables; add others with: admin-assistant admin tenant add",
			len(s.SignIn.Tenants), maxTenants)
	}
	for _, tenant := range s.SignIn.Tenants {
		if !guidForm.MatchString(tenant) {
			r.refuse("sign-in-tenants", "must be ids of tenants, not %q", tenant)
		}
	}
	if s.SignIn.Client = r.text("sign-in-client"); s.SignIn.Client != "" && !guidForm.MatchString(s.SignIn.Client) {
		r.refuse("sign-in-client", "must be the id of the application as which the command line signs in, not %q", s.SignIn.Client)
	}
	s.SignIn.Programs, s.SignIn.ServiceRoles = r.list("sign-in-programs"), r.list("sign-in-service-roles")
	if len(s.SignIn.Programs) > maxPrograms {
		r.refuse("sign-in-programs", "names %d applications; %d are the most", len(s.SignIn.Programs), maxPrograms)
	}
	for _, id := range s.SignIn.Programs {
		if !guidForm.MatchString(id) {
			r.refuse("sign-in-programs", "must be ids of applications, not %q", id)
		}
	}
	if len(s.SignIn.ServiceRoles) > 0 && len(s.SignIn.Programs) == 0 {
		r.refuse("sign-in-programs", "is not set; with sign-in-service-roles it must name the applications that have such a role")
	}
	for _, uri := range r.list("sign-in-identifiers") {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || u.Host == "" {
			r.refuse("sign-in-identifiers", "must be Application ID URIs such as https://example.com/assistant, not %q", uri)
		}
		s.SignIn.Identifiers = append(s.SignIn.Identifiers, uri)
	}
	s.SignIn.Guests = r.oneOf("sign-in-guests", "false", "false", "true") == "true"
	if s.SignIn.Credentials = r.text("sign-in-credentials"); s.SignIn.Credentials == federated {
		s.SignIn.Credentials, s.SignIn.Federated = "", true
	}
	r.secret("sign-in-credentials", s.SignIn.Credentials, s.Region, s.Account)
	if s.PublicURL = r.origin("public-url"); !s.SignIn.Web() {
		return
	}
	if s.PublicURL == "" {
		r.refuse("public-url", "is not set; with sign-in-credentials browsers have to come back to an address that Entra ID knows")
		return
	}
	s.SignIn.Redirect = s.PublicURL + "/auth/callback"
}

func (s *settings) readGraph(r *reader) {
	s.Graph = service.Graph{
		Tenant: r.text("graph-tenant"), Client: r.text("graph-client"), Credentials: r.text("graph-credentials"), URL: r.https("graph-url", ""),
	}
	if r.oneOf("graph-delegated", "false", "false", "true") == "true" {
		s.Graph.Delegated = true
		if s.Graph.Tenant+s.Graph.Client+s.Graph.Credentials != "" {
			r.refuse("graph-delegated",
				"contradicts graph-tenant, graph-client and graph-credentials: mailboxes are reached either by each user's own sign-in or by an application's")
		}
		if !s.SignIn.Web() {
			r.refuse("graph-delegated", "needs sign-in-credentials: mailboxes are reached by users' sign-ins on the web")
		}
		return
	}
	if s.Graph == (service.Graph{}) {
		return // without Microsoft 365, for local calendars alone
	}
	if tenant := r.must("graph-tenant", nil, "the tenant of the application that reaches Microsoft 365"); tenant != "" &&
		!guidForm.MatchString(tenant) && !domainForm.MatchString(tenant) {
		r.refuse("graph-tenant", "must be the id or a domain of a tenant, not %q", tenant)
	}
	r.must("graph-client", guidForm, "the id of the application that reaches Microsoft 365")
	const what = "the name or the ARN of a secret with the application's credentials, or federated"
	if s.Graph.Credentials = r.must("graph-credentials", nil, what); s.Graph.Credentials == federated {
		s.Graph.Credentials, s.Graph.Federated = "", true
	}
	r.secret("graph-credentials", s.Graph.Credentials, s.Region, s.Account)
}

// readOutside reads whether the API is probed from outside: at the address that people use, with somebody who is told.
func (s *settings) readOutside(r *reader) {
	if s.OutsideProbe = r.oneOf("outside-probe", "off", "on", "off") == "on"; !s.OutsideProbe {
		return
	}
	for name, value := range map[string]string{"public-url": s.PublicURL, "alarm-email": s.AlarmEmail} {
		if value == "" {
			r.refuse("outside-probe", "is on, which needs %s: the address to ask, and who is told", name)
		}
	}
	if strings.HasPrefix(s.Region, "cn-") || strings.HasPrefix(s.Region, "us-gov-") {
		r.refuse("outside-probe", "is on, which needs %s; an account of %s has no such region", outside.Region, s.Region)
	}
}

func (s *settings) readCanary(r *reader, fallback string) {
	words := []string{"off"}
	for _, canary := range golambda.Canaries {
		words = append(words, fmt.Sprintf("%dm", int(canary.Minutes())))
	}
	if word := r.oneOf("canary", fallback, words...); word != "off" {
		s.Canary, _ = time.ParseDuration(word) // one that is no time has been refused
	}
}

// readReserve decides whether instances are reserved. The account's concurrency is what `make deploy` found there; 0 is unknown.
func (s *settings) readReserve(r *reader, fallback string) {
	account := r.number("account-concurrency", 0, 1, 1_000_000)
	if account != 0 && account < smallAccount {
		fallback = "off"
	}
	s.Reserve = r.oneOf("reserved-concurrency", fallback, "on", "off") == "on"
	if needs := service.Reserved(s.ArchiveConcurrency, s.BackupConcurrency) + unreserved; s.Reserve && account != 0 && account < needs {
		r.refuse("reserved-concurrency", "is on, which needs a concurrency of %d in the account; it has %d: ask AWS for more, or turn it off", needs, account)
	}
}

func (s *settings) readOrigins(r *reader) {
	s.CORSOrigins = r.list("cors-origins")
	for _, origin := range s.CORSOrigins {
		u, err := url.Parse(origin)
		local := s.Stage == "dev" && err == nil && u.Scheme == "http" && slices.Contains(localHostForms, u.Hostname())
		if err != nil || u.Scheme+"://"+u.Host != origin || u.Hostname() == "" || strings.Contains(u.Host, "*") || u.Scheme != "https" && !local {
			r.refuse("cors-origins", "must be origins such as https://calendar.example.com, separated by commas; %q is none", origin)
		}
	}
}

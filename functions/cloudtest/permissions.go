package cloudtest

import "slices"

// Conditions of statements. All of what is in the bucket and in the table is encrypted with one key, and functions use it through those services alone.
const (
	viaTable  = ` if {"StringEquals":{"kms:ViaService":"dynamodb"}}`
	viaBucket = ` if {"StringEquals":{"kms:ViaService":"s3"}}`
	ofAToken  = ` if {"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["purpose","user"]},` +
		`"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"user"},"StringEquals":{"kms:EncryptionContext:purpose":"microsoft-token"}}`
	ofTheSigningKey = ` if {"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["purpose","user"]},` +
		`"StringEquals":{"kms:EncryptionContext:purpose":"signing-key","kms:EncryptionContext:user":"installation"}}`
	onMail = ` on arn:aws:ses:eu-central-1:111122223333:configuration-set/mailset arn:aws:ses:eu-central-1:111122223333:identity/example.com ` +
		`if {"StringEquals":{"ses:FromAddress":"aa@mail.example.com"}}`
)

// Statements that several functions have, or only some stages.
const (
	// Signs opens the installation's signing key. The key of tokens encrypts it, too; what is sealed is bound to its purpose.
	Signs = "kms:Decrypt kms:GenerateDataKey on tokenkey" + ofTheSigningKey
	// SealsTokens makes keys for users' tokens, and OpensTokens opens them as well.
	SealsTokens = "kms:GenerateDataKey on tokenkey" + ofAToken
	OpensTokens = "kms:Decrypt kms:GenerateDataKey on tokenkey" + ofAToken
	// ReadsApplication and ReadsSignIn read the credentials of the application that reaches mailboxes, and of the one that signs users in.
	ReadsApplication = "secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-central-1:111122223333:secret:graph/app-??????"
	ReadsSignIn      = "secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-central-1:111122223333:secret:sign-in/app-??????"
	// Vouches has AWS say which role a function has, to Entra ID.
	Vouches = `sts:GetWebIdentityToken on * if {"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"api://AzureADTokenExchange"},` +
		`"Null":{"sts:IdentityTokenAudience":"false"},"NumericLessThanEquals":{"sts:DurationSeconds":300}}`

	consumes = "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on "
)

// may is what each function may do besides what all may, in prod: "actions on resources if conditions". A line that is added here is a decision. The
// tests of infra/service compare it with the template, and a stand-in refuses a function what is not here.
var may = map[string][]string{
	"api": {
		"s3:ListBucket on bucket",
		"s3:GetObject on bucket/backups/* bucket/ledger/* bucket/restores/* bucket/runs/* bucket/timesheets/* bucket/uploads/*",
		"s3:AbortMultipartUpload s3:PutObject on bucket/timesheets/* bucket/uploads/*",
		"s3:DeleteObject on bucket/backups/* bucket/ledger/* bucket/restores/* bucket/runs/* bucket/timesheets/* bucket/uploads/*",
		"kms:Decrypt kms:GenerateDataKey on key" + viaBucket,
		"sqs:SendMessage on queue-archive queue-backup",
		"sqs:GetQueueAttributes on queue-archive queue-backup",
		SealsTokens,
		Signs,
		"s3:GetObjectVersion on headsbucket/heads/*",
		`s3:ListBucketVersions on headsbucket if {"StringLike":{"s3:prefix":"heads/*"}}`,
		ReadsSignIn,
		ReadsApplication,
		"ses:SendEmail ses:SendRawEmail" + onMail,
	},
	"dispatcher": {
		"sqs:SendMessage on queue-archive queue-backup queue-notify queue-schedule-dead",
	},
	"archive": {
		"s3:ListBucket on bucket",
		"s3:GetObject on bucket/ledger/* bucket/restores/* bucket/runs/* bucket/timesheets/*",
		"s3:AbortMultipartUpload s3:PutObject on bucket/ledger/* bucket/restores/* bucket/runs/*",
		"kms:Decrypt kms:GenerateDataKey on key" + viaBucket,
		consumes + "queue-archive",
		"sqs:SendMessage on queue-archive queue-archive-dead queue-notify",
		Signs,
		"s3:PutObject on headsbucket/heads/*",
		ReadsApplication,
	},
	"backup": {
		"s3:ListBucket on bucket",
		"s3:GetObject on bucket/backups/* bucket/restores/* bucket/uploads/*",
		"s3:AbortMultipartUpload s3:PutObject on bucket/backups/* bucket/restores/*",
		"s3:DeleteObject on bucket/backups/* bucket/uploads/*",
		"kms:Decrypt kms:GenerateDataKey on key" + viaBucket,
		consumes + "queue-backup",
		"sqs:SendMessage on queue-backup queue-backup-dead queue-notify",
		ReadsApplication,
	},
	"notify": {
		consumes + "queue-archive-dead queue-backup-dead queue-notify",
		"sqs:SendMessage on queue-notify queue-notify-dead",
		"ses:SendEmail" + onMail,
		Signs,
	},
	"probe": {
		"s3:ListBucket on bucket",
		"s3:GetObject on bucket/backups/* bucket/ledger/* bucket/restores/* bucket/runs/* bucket/timesheets/* bucket/uploads/*",
		"s3:DeleteObject on bucket/backups/* bucket/ledger/* bucket/restores/* bucket/runs/* bucket/timesheets/* bucket/uploads/*",
		"kms:Decrypt on key" + viaBucket,
	},
}

// elsewhere is what functions may do in stages that are set up in another way: where users' own sign-ins reach mailboxes, where AWS vouches for roles, and
// where an authority is asked for time-stamps.
var elsewhere = map[string][]string{
	"api":        {Vouches},
	"dispatcher": {Signs},
	"archive":    {OpensTokens, ReadsSignIn, Vouches},
	"backup":     {OpensTokens, ReadsSignIn, Vouches},
}

// May returns what a function may do in prod, each statement as "actions on resources if conditions". The versions that probe invokes, and the deployments
// that it answers, are not in it: each template has its own.
func May(function string) []string {
	return append(slices.Clone(may[function]),
		"logs:CreateLogStream logs:PutLogEvents on log-"+function,
		"xray:PutTelemetryRecords xray:PutTraceSegments on *",
		"dynamodb:BatchGetItem dynamodb:ConditionCheckItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:Query dynamodb:UpdateItem on table",
		"dynamodb:Query on table/index/gsi1",
		"kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey kms:ReEncryptFrom kms:ReEncryptTo on key"+viaTable,
	)
}

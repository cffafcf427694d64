# A deployed stage as the command line of AWS sees it, in the engines that stand in for AWS: stacks with outputs, functions with a log, queues,
# alarms and a bucket. The table is that of the tests. It prints nothing.
set -euo pipefail
role=$(aws iam create-role --role-name rehearsal --assume-role-policy-document '{"Version":"2012-10-17","Statement":[]}' --query Role.Arn --output text)
printf 'x' > bootstrap
python3 -c 'import zipfile; zipfile.ZipFile("code.zip", "w").write("bootstrap")'
outputs=
add() { outputs="$outputs,\"$1\":{\"Value\":\"$2\"}"; }
now=$(($(date +%s) * 1000))
for f in Api Dispatcher Archive Backup Notify Probe; do
	aws logs create-log-group --log-group-name "rehearsal-$f"
	aws logs create-log-stream --log-group-name "rehearsal-$f" --log-stream-name s
	aws logs put-log-events --log-group-name "rehearsal-$f" --log-stream-name s \
		--log-events "[{\"timestamp\":$now,\"message\":\"{}\"}]" > /dev/null
	for version in 1 2; do
		if [ $version = 1 ]; then
			aws lambda create-function --function-name "rehearsal-$f" --runtime provided.al2023 --handler bootstrap --role "$role" --zip-file fileb://code.zip \
				--logging-config "LogGroup=rehearsal-$f" --environment 'Variables={ADMIN_ASSISTANT_STAGE=prod}' > /dev/null
		else
			aws lambda update-function-configuration --function-name "rehearsal-$f" --description two > /dev/null
		fi
		aws lambda publish-version --function-name "rehearsal-$f" > /dev/null
	done
	aws lambda create-alias --function-name "rehearsal-$f" --name live --function-version 1 > /dev/null
	add "Function$f" "rehearsal-$f"
done
for q in Archive ArchiveDead Backup BackupDead Notify NotifyDead ScheduleDead; do
	url=$(aws sqs create-queue --queue-name "rehearsal-$q" --query QueueUrl --output text)
	aws sqs send-message --queue-url "$url" --message-body '{"run_id":"R","kind":"archive","user":"t#o"}' > /dev/null
	add "Queue$q" "$url"
done
api=$(aws apigatewayv2 create-api --name rehearsal --protocol-type HTTP --query ApiId --output text)
aws apigatewayv2 create-stage --api-id "$api" --stage-name '$default' \
	--access-log-settings 'DestinationArn=arn:aws:logs:eu-central-1:123456789012:log-group:rehearsal-Api:*,Format=x' > /dev/null
add ApiUrl "https://$api.execute-api.eu-central-1.amazonaws.com"
topic=$(aws sns create-topic --name rehearsal --query TopicArn --output text)
add AlarmTopic "$topic"
for good in 1 2; do
	aws ssm put-parameter --name rehearsal-deployed --overwrite --type String \
		--value "{\"commit\":\"c$good\",\"versions\":\"$good,$good,$good,$good,$good\"}" > /dev/null
done
add Deployed rehearsal-deployed
for alarm in failed-runs function-errors-api late-jobs; do
	aws cloudwatch put-metric-alarm --alarm-name "prod-$alarm" --metric-name x --namespace AdminAssistant --statistic Sum --period 300 \
		--evaluation-periods 1 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold --alarm-actions "$topic"
done
aws s3api create-bucket --bucket rehearsal-bucket --create-bucket-configuration LocationConstraint=eu-central-1 > /dev/null
aws s3api put-bucket-versioning --bucket rehearsal-bucket --versioning-configuration Status=Enabled
aws s3api create-bucket --bucket rehearsal-heads --object-lock-enabled-for-bucket --create-bucket-configuration LocationConstraint=eu-central-1 > /dev/null
aws s3api put-bucket-policy --bucket rehearsal-heads --policy '{"Version":"2012-10-17","Statement":[]}'
aws dynamodb create-table --table-name "$TABLE" --billing-mode PAY_PER_REQUEST --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE \
	--attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S > /dev/null
key=$(aws kms create-key --description 'Admin Assistant: table and bucket' --query KeyMetadata.KeyId --output text)
aws secretsmanager create-secret --name graph/app --secret-string '{"client_secret":"x"}' > /dev/null
aws budgets create-budget --account-id 123456789012 --budget \
	'{"BudgetName":"rehearsal","BudgetLimit":{"Amount":"50","Unit":"USD"},"TimeUnit":"MONTHLY","BudgetType":"COST"}'
stack() {
	aws cloudformation create-stack --stack-name "admin-assistant-prod-$1" --template-body \
		"{\"Resources\":{\"Q\":{\"Type\":\"AWS::SQS::Queue\"}},\"Outputs\":{$2}}" > /dev/null
}
stack service "${outputs#,}"
stack data "\"TableName\":{\"Value\":\"$TABLE\"},\"BucketName\":{\"Value\":\"rehearsal-bucket\"}"
stack heads '"HeadBucketName":{"Value":"rehearsal-heads"}'
echo "KEY=$key"

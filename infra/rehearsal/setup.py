"""A deployed stage as the command line of AWS sees it, in the engines that stand in for AWS: stacks with outputs, functions with a log, queues, alarms
and a bucket. The table is that of the tests. It prints variables for the shell. Python keeps one process for all of it; the command line would start a
hundred."""

import io
import json
import os
import time
import zipfile

import botocore.config
import botocore.session

session = botocore.session.get_session()


def client(name):
    return session.create_client(name, region_name="eu-central-1", config=botocore.config.Config(retries={"max_attempts": 0}))


role = client("iam").create_role(RoleName="rehearsal", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')["Role"]["Arn"]
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("bootstrap", "x")
outputs = {}

logs, functions = client("logs"), client("lambda")
for f in ["Api", "Dispatcher", "Archive", "Backup", "Notify", "Probe"]:
    name = "rehearsal-" + f
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "{}"}])
    functions.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": code.getvalue()},
        LoggingConfig={"LogGroup": name}, Environment={"Variables": {"ADMIN_ASSISTANT_STAGE": "prod"}},
    )
    functions.publish_version(FunctionName=name)
    functions.update_function_configuration(FunctionName=name, Description="two")
    functions.publish_version(FunctionName=name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    outputs["Function" + f] = name
    outputs["Role" + f] = role

queues = client("sqs")
for q in ["Archive", "ArchiveDead", "Backup", "BackupDead", "Notify", "NotifyDead", "ScheduleDead"]:
    outputs["Queue" + q] = queues.create_queue(QueueName="rehearsal-" + q)["QueueUrl"]
    queues.send_message(QueueUrl=outputs["Queue" + q], MessageBody='{"run_id":"R","kind":"archive","user":"t#o"}')

gateway = client("apigatewayv2")
api = gateway.create_api(Name="rehearsal", ProtocolType="HTTP")["ApiId"]
gateway.create_stage(ApiId=api, StageName="$default", AccessLogSettings={
    "DestinationArn": "arn:aws:logs:eu-central-1:123456789012:log-group:rehearsal-Api:*", "Format": "x"})
outputs["ApiUrl"] = f"https://{api}.execute-api.eu-central-1.amazonaws.com"

topic = outputs["AlarmTopic"] = client("sns").create_topic(Name="rehearsal")["TopicArn"]
for good in "12":
    client("ssm").put_parameter(Name="rehearsal-deployed", Overwrite=True, Type="String",
                                Value=json.dumps({"commit": "c" + good, "versions": ",".join([good] * 5)}))
outputs["Deployed"] = "rehearsal-deployed"
alarms = client("cloudwatch")
for alarm in ["failed-runs", "function-errors-api", "late-jobs"]:
    alarms.put_metric_alarm(
        AlarmName="prod-" + alarm, MetricName="x", Namespace="AdminAssistant", Statistic="Sum", Period=300, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[topic],
    )

buckets = client("s3")
here = {"LocationConstraint": "eu-central-1"}
buckets.create_bucket(Bucket="rehearsal-bucket", CreateBucketConfiguration=here)
buckets.put_bucket_versioning(Bucket="rehearsal-bucket", VersioningConfiguration={"Status": "Enabled"})
buckets.create_bucket(Bucket="rehearsal-heads", ObjectLockEnabledForBucket=True, CreateBucketConfiguration=here)
buckets.put_bucket_policy(Bucket="rehearsal-heads", Policy='{"Version":"2012-10-17","Statement":[]}')
table = os.environ["TABLE"]
client("dynamodb").create_table(
    TableName=table, BillingMode="PAY_PER_REQUEST",
    KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
)
key = client("kms").create_key(Description="Admin Assistant: table and bucket")["KeyMetadata"]["KeyId"]
client("secretsmanager").create_secret(Name="graph/app", SecretString='{"client_secret":"x"}')
client("budgets").create_budget(AccountId="123456789012", Budget={
    "BudgetName": "rehearsal", "BudgetLimit": {"Amount": "50", "Unit": "USD"}, "TimeUnit": "MONTHLY", "BudgetType": "COST"})


def stack(name, values, region="eu-central-1"):
    session.create_client("cloudformation", region_name=region).create_stack(
        StackName="admin-assistant-prod-" + name,
        TemplateBody=json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {k: {"Value": v} for k, v in values.items()}}),
    )


stack("service", outputs)
stack("data", {"TableName": table, "BucketName": "rehearsal-bucket"})
stack("heads", {"HeadBucketName": "rehearsal-heads"})
check = client("route53").create_health_check(CallerReference="rehearsal", HealthCheckConfig={
    "Type": "HTTPS", "FullyQualifiedDomainName": "calendar.example.com", "Port": 443, "ResourcePath": "/readyz"})
stack("outside", {"HealthCheck": check["HealthCheck"]["Id"]}, "us-east-1")
print("KEY=" + key)

"""What people do on the platform, and what they can see, with ordinary boto3 clients."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.iam.models import iam_backends

from localaws.cloud import Principal
from localaws.local import LocalOrganization
from tests.stories import end_state

FRAUD, PRICING, NEWCOMER, PLAYGROUND, HUB = "444444444444", "555555555555", "666666666666", "777777777777", "222222222222"
FRAUD_TAGS = {"ml:user": "alice", "ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}


@dataclass(frozen=True)
class Platform:
    """The deployed organization, asked as people ask it."""

    local: LocalOrganization
    denials: list[tuple[str, str]] = field(default_factory=list)
    """The denials by IAM that belong to the story: the action, and part of the ARN of who asks."""

    def expect_denied(self, action: str, who: str) -> None:
        """It belongs to the story that IAM denies this action to a role (a principal) with `who` in its ARN. Any other denial fails the test."""
        self.denials.append((action, who))

    def client(self, service: str, account: str, region: str | None = None) -> Any:
        return self.local.client(service, account, region)

    def output(self, key: str) -> str:
        return self.local.outputs["studio-steward"][key]

    def deploy(self, **parameters: str) -> None:
        """Update the hub stack with these parameters, the others as they are in the organization's file."""
        (stack,) = (stack for stack in self.local.organization.stacks if stack.name == "studio-steward")
        self.local.deploy(stack, parameters)

    def domain(self, account: str, region: str | None = None, *, sso: bool = False, **more: Any) -> str:
        """A new domain in service, in which tags are propagated unless `more` says otherwise; its id."""
        account_id = self.local.organization.account(account).id
        sagemaker = self.client("sagemaker", account, region)
        there = len(sagemaker.list_domains(MaxResults=100)["Domains"])
        arn: str = sagemaker.create_domain(
            DomainName=f"studio-{there}" if there else "studio",
            AuthMode="SSO" if sso else "IAM",
            SubnetIds=["subnet-0a1b2c3d"],
            VpcId="vpc-0a1b2c3d",
            **{"TagPropagation": "ENABLED", "DefaultUserSettings": {"ExecutionRole": f"arn:aws:iam::{account_id}:role/StudioExecution"}, **more},
        )["DomainArn"]
        self.local.settle()
        return arn.rsplit("/", 1)[1]

    def profile(
        self, account: str, name: str = "alice", region: str | None = None, *, sso_user: str | None = None, domain: str | None = None, **more: Any
    ) -> str:
        """A new user profile in a domain, a new one if none is given, asked for and not waited for; its ARN."""
        domain = domain or self.domain(account, region, sso=sso_user is not None)
        if sso_user is not None:
            more |= {"SingleSignOnUserIdentifier": "UserName", "SingleSignOnUserValue": sso_user}
        profile = self.client("sagemaker", account, region).create_user_profile(DomainId=domain, UserProfileName=name, **more)
        return str(profile["UserProfileArn"])

    def space(self, account: str, owner: str, name: str = "lab", sharing: str = "Private", region: str | None = None, **more: Any) -> str:
        """A new space of the profile with the ARN `owner`, in its domain, asked for and not waited for; its ARN."""
        _, domain, profile = owner.split("/")
        sagemaker = self.client("sagemaker", account, region)
        arn: str = sagemaker.create_space(
            DomainId=domain,
            SpaceName=name,
            OwnershipSettings={"OwnerUserProfileName": profile},
            SpaceSharingSettings={"SharingType": sharing},
            **more,
        )["SpaceArn"]
        return arn

    def app(self, account: str, owner: str, app_type: str, name: str = "default") -> None:
        """A new app of the profile or space with the ARN `owner`, in service."""
        kind, domain, whose = owner.split(":")[5].split("/")
        member = {"user-profile": "UserProfileName", "space": "SpaceName"}[kind]
        self.client("sagemaker", account).create_app(DomainId=domain, AppType=app_type, AppName=name, **{member: whose})
        self.local.settle()

    def set_tags(self, account: str, arn: str, tags: dict[str, str]) -> None:
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.client("sagemaker", account, arn.split(":")[3]).add_tags(ResourceArn=arn, Tags=given)

    def tags(self, account: str, arn: str) -> dict[str, str]:
        sagemaker = self.client("sagemaker", account, arn.split(":")[3])
        return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    def executions(self, workflow: str = "profile_cost_tagging") -> list[dict[str, Any]]:
        """Every execution of the workflow, described, the oldest first."""
        states = self.client("stepfunctions", "hub")
        machine = self.output(f"{workflow.title().replace('_', '')}StateMachineArn")
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        return [states.describe_execution(executionArn=execution["executionArn"]) for execution in reversed(listed)]

    def the_execution(self, workflow: str = "profile_cost_tagging") -> dict[str, Any]:
        """The only one there is, with its output read."""
        (execution,) = self.executions(workflow)
        return self.ended(execution["executionArn"])

    def ended(self, arn: str) -> dict[str, Any]:
        """An execution, described, with its output read."""
        execution: dict[str, Any] = self.client("stepfunctions", "hub").describe_execution(executionArn=arn)
        return {**execution, "output": json.loads(execution.get("output") or "null")}

    def last(self, workflow: str) -> dict[str, Any]:
        """The one that began last."""
        return self.ended(self.executions(workflow)[-1]["executionArn"])

    def begin(self, workflow: str, name: str, asked: dict[str, str]) -> str:
        """One that somebody starts; its ARN."""
        states, machine = self.client("stepfunctions", "hub"), self.output(f"{workflow.title().replace('_', '')}StateMachineArn")
        arn: str = states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(asked))["executionArn"]
        return arn

    def details(self, run: dict[str, Any]) -> Any:
        """What a run over all accounts wrote down of itself."""
        key = f"runs/{run['name']}/details.json"
        return json.load(self.client("s3", "hub").get_object(Bucket=self.output("ReconciliationBucketName"), Key=key)["Body"])

    def outputs(self) -> list[dict[str, Any]]:
        """The reports of all executions, in the order of their starts."""
        return [json.loads(execution["output"]) for execution in self.executions()]

    def last_output(self) -> dict[str, Any]:
        """The report of the execution that was started last."""
        return self.outputs()[-1]

    def begin_reconciliation(self, name: str = "by-hand", **asked: str) -> str:
        """A run that somebody starts, for all accounts or the `account_id` that is asked for; its ARN."""
        return self.begin("reconciliation", name, asked)

    def reconcile(self, account: str | None = None, name: str = "by-hand") -> dict[str, Any]:
        """The same, to its end, described, with its output read."""
        asked = {"account_id": self.local.organization.account(account).id} if account else {}
        arn = self.begin_reconciliation(name, **asked)
        self.local.settle()
        return self.ended(arn)

    def states_entered(self, execution: dict[str, Any]) -> list[str]:
        history = self.client("stepfunctions", "hub").get_execution_history(executionArn=execution["executionArn"], maxResults=1000)
        return [event["stateEnteredEventDetails"]["name"] for event in history["events"] if event["type"].endswith("StateEntered")]

    def calls(self, *actions: str) -> list[dict[str, Any]]:
        """Of the call log, those by roles."""
        return [call for call in self.local.cloud.log.calls if call["action"] in actions and ":assumed-role/" in call["principal"]]

    def watch_hub_bus(self) -> str:
        """Have everything that we announce on the hub bus sent to a queue, as a team that builds on our events would; its URL."""
        url, queue = self._queue(end_state.ANNOUNCEMENTS, "events.amazonaws.com")
        bus, events = self.output("HubBusArn"), self.client("events", "hub")
        events.put_rule(Name="announcements", EventBusName=bus, EventPattern=json.dumps({"source": ["studio-steward"]}))
        events.put_targets(Rule="announcements", EventBusName=bus, Targets=[{"Id": "queue", "Arn": queue}])
        return url

    def watch_findings(self) -> str:
        """Have every finding sent to a queue, as the people's ticket system would; its URL."""
        url, queue = self._queue(end_state.FINDINGS, "sns.amazonaws.com")
        attributes = {"RawMessageDelivery": "true"}
        self.client("sns", "hub").subscribe(TopicArn=self.output("FindingsTopicArn"), Protocol="sqs", Endpoint=queue, Attributes=attributes)
        return url

    def _queue(self, name: str, sender: str) -> tuple[str, str]:
        queue = f"arn:aws:sqs:eu-west-1:{HUB}:{name}"
        statement = {"Effect": "Allow", "Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": queue}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url: str = self.client("sqs", "hub").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        return url, queue

    def end_state(self) -> end_state.EndState:
        """What two runs are compared by. What was announced and found is in it once `watch_hub_bus` and `watch_findings` look."""
        return end_state.end_state(self.local)

    def as_role(self, service: str, account: str, name: str, *may: str, region: str = "eu-west-1") -> Any:
        """A client that calls as a role of this account, by its path and name; it is made where it is not there, and may do these actions besides."""
        account_id, iam = self.local.organization.account(account).id, self.client("iam", account)
        trust = {"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "sts:AssumeRole"}
        if not any(role.arn.endswith(f":role/{name}") for role in iam_backends[account_id]["aws"].get_roles()):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
        if may:
            statement = {"Effect": "Allow", "Action": list(may), "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": statement})
            iam.put_role_policy(RoleName=name.rsplit("/", 1)[-1], PolicyName="besides", PolicyDocument=document)
        return self.local.cloud.client(service, region, Principal.of_role(f"arn:aws:iam::{account_id}:role/{name}", "session"))

    def role(self, account: str, name: str, *statements: dict[str, Any]) -> str:
        """A new execution role for users of a domain, with these statements of a policy; its ARN. `name` may begin with a path.

        `StudioExecution`, which may tag whatever it creates, is in all accounts of the organization's file.
        """
        account_id, iam = self.local.organization.account(account).id, self.client("iam", account)
        path, _, plain = name.rpartition("/")
        condition = {"StringEquals": {"aws:SourceAccount": account_id}}
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName=plain, Path=f"/{path}/" if path else "/", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=plain, PolicyName="work", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        return arn

    def without_role(self, account: str, name: str) -> Callable[[], None]:
        """Take away a role, which nobody can enter by then; what is returned plants it again as it was."""
        self.expect_denied("sts:AssumeRole", f"role/steward/{name}/")
        iam = self.client("iam", account)
        role = iam.get_role(RoleName=name)["Role"]
        names = iam.list_role_policies(RoleName=name)["PolicyNames"]
        policies = {policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in names}
        for policy in policies:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

        def plant() -> None:
            iam.create_role(RoleName=name, Path=role["Path"], AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
            for policy, document in policies.items():
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))

        return plant

    def messages(self, url: str) -> list[dict[str, Any]]:
        received = self.client("sqs", "hub").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in received]

    def intake_queue(self) -> str:
        """The URL of the queue that intake reads."""
        (mapping,) = self.client("lambda", "hub").list_event_source_mappings()["EventSourceMappings"]
        url: str = self.client("sqs", "hub").get_queue_url(QueueName=mapping["EventSourceArn"].rsplit(":", 1)[1])["QueueUrl"]
        return url

    def take_in(self, body: str) -> None:
        """Put a message into the intake queue, and wait until nothing happens any more."""
        self.client("sqs", "hub").send_message(QueueUrl=self.intake_queue(), MessageBody=body)
        self.local.settle()

    def dead_letters(self) -> list[dict[str, Any]]:
        return self.messages(self.output("IntakeDlqUrl"))

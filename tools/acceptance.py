"""Deploy with the real tools: `sam` and `aws`, unchanged, against a served local organization, and nothing but loopback.

One line for each step says what was verified. `sam build` takes the layer's packages from the package index: that is set-up; the rest needs none.
"""

import argparse
import configparser
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.yaml_helper import yaml_parse

from tools.real import BIN, NoPython, environment

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo" / "organization.yaml"
BUILD = ROOT / "build" / "acceptance"
LOG = BUILD / "log.txt"
STACK, HUB, MEMBER = "studio-steward", "hub", "fraud-dev"
BROKEN = """  AcceptanceBroken:
    Type: AWS::IAM::Role
    DependsOn: [{functions}]
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: []}}
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/NoSuchPolicy"]
"""
"""A resource that cannot be made, after every function was changed."""
LISTS = [
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("events", "list_event_buses", "EventBuses", "Name"),
    ("events", "list_rules", "Rules", "Name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
]
"""What shows that something is left: service, operation, list and name."""


class Failed(RuntimeError):
    """A step did not do what it should."""


class Acceptance:
    """One served organization, and the tools working on it. `env` is theirs."""

    def __init__(self, env: dict[str, str]):
        self.env, self.started, self.session = env, time.monotonic(), boto3.Session()
        self.hub_stack: dict[str, Any] = {}
        self.accounts: list[str] = []
        self.regions: list[str] = []
        self.steps = 0

    def say(self, text: str) -> None:
        self.steps += 1
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def run(self, *command: str, fails: bool | None = False) -> str:
        """What it prints. `fails` is whether it has to; None for either."""
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)  # noqa: S603
        printed = done.stdout + done.stderr
        with LOG.open("a") as log:
            log.write(f"$ {' '.join(command)}\n{printed}\n")
        if fails is not None and (done.returncode != 0) != fails:
            raise Failed(f"`{' '.join(command[:4])}` ended with {done.returncode}")
        return printed

    def aws(self, account: str, *command: str) -> Any:
        return json.loads(self.run("aws", "--profile", account, "--output", "json", *command) or "null")

    def client(self, service: str, account: str, region: str | None = None) -> Any:
        """A boto3 client with an account's keys of the served AWS config; one session for all, since each reads the service models anew."""
        config = configparser.ConfigParser()
        config.read(self.env["AWS_CONFIG_FILE"])
        mine = config[f"profile {account}"]
        keys = {name: mine[name] for name in ("aws_access_key_id", "aws_secret_access_key", "endpoint_url")}
        return self.session.client(service, region_name=region or mine["region"], **keys)  # type: ignore[call-overload]

    def settle(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "localaws", "settle"],
            cwd=BUILD,
            env=self.env | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"settle: {done.stdout}{done.stderr}")

    @contextmanager
    def served(self) -> Iterator[None]:
        """The demo's organization without its hub stack, which `sam deploy` is to make."""
        described = yaml.safe_load(DEMO.read_text())
        stacks = [stack | {"template": str((DEMO.parent / stack["template"]).resolve())} for stack in described["stacks"]]
        self.hub_stack = next(stack for stack in stacks if stack["name"] == STACK)
        self.accounts, self.regions = [account["name"] for account in described["accounts"]], described["regions"]
        file = BUILD / "organization.yaml"
        file.write_text(yaml.safe_dump(described | {"stacks": [stack for stack in stacks if stack is not self.hub_stack]}))
        command = [sys.executable, "-m", "localaws", "serve", str(file)]
        with (BUILD / "server.txt").open("w") as errors:
            server = subprocess.Popen(command, cwd=BUILD, env=self.env | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603
            try:
                line = server.stdout.readline() if server.stdout else ""
                if not line:
                    raise Failed(f"localaws ended before it was ready: {(BUILD / 'server.txt').read_text()[-2000:]}")
                ready = json.loads(line)
                self.env |= {"AWS_ENDPOINT_URL": ready["endpoint"], "AWS_CONFIG_FILE": str(BUILD / ready["config"]), "AWS_PROFILE": HUB}
                yield
            finally:
                server.terminate()
                server.wait()

    # -- steps

    def build(self) -> None:
        self.run("sam", "validate", "--lint")
        self.say("sam validate --lint: the template is valid")
        printed = self.run("sam", "build", fails=None)
        if "Build Succeeded" not in printed:
            unreachable = "PythonPipBuilder:ResolveDependencies" in printed
            raise Failed(
                "`sam build` failed" + (": it takes the layer's packages from the package index - is that reachable?" if unreachable else "")
            )
        self.say("sam build: functions and layer are built for python3.13 on arm64")

    def parameters(self, **changed: str) -> list[str]:
        """What the demo gives the hub stack, with the ids that the served organization has."""
        organizations = self.client("organizations", "management")
        known = {"organization": organizations.describe_organization()["Organization"]["Id"]}
        parents = [("", organizations.list_roots()["Roots"][0]["Id"])]
        for path, parent in parents:
            for unit in organizations.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"]:
                name = f"{path}/{unit['Name']}".lstrip("/")
                known[f"unit:{name}"] = unit["Id"]
                parents.append((name, unit["Id"]))
        given = {**self.hub_stack["parameters"], **changed}
        return [f"{name}={re.sub(r'[$][{]([^}]+)[}]', lambda found: known[found[1]], value)}" for name, value in given.items()]

    def deploy(self, *options: str, fails: bool | None = False, **changed: str) -> str:
        return self.run("sam", "deploy", "--no-confirm-changeset", *options, "--parameter-overrides", *self.parameters(**changed), fails=fails)

    def status(self) -> str:
        return str(self.aws(HUB, "cloudformation", "describe-stacks", "--stack-name", STACK)["Stacks"][0]["StackStatus"])

    def expect(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            raise Failed(f"{what}: {found!r} instead of {wanted!r}")

    def resources(self, kind: str) -> dict[str, str]:
        told = self.aws(HUB, "cloudformation", "describe-stack-resources", "--stack-name", STACK)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in told if each["ResourceType"] == kind}

    def dry_runs(self) -> dict[str, str]:
        """DRY_RUN of each function that has it."""
        found: dict[str, str] = {}
        for name in self.resources("AWS::Lambda::Function").values():
            told = self.aws(HUB, "lambda", "get-function-configuration", "--function-name", name)
            variables = told.get("Environment", {}).get("Variables", {})
            found |= {name: variables["DRY_RUN"]} if "DRY_RUN" in variables else {}
        return found

    def create(self) -> None:
        self.deploy(DryRun="true")
        self.aws(HUB, "cloudformation", "wait", "stack-create-complete", "--stack-name", STACK)
        self.expect("the stack", self.status(), "CREATE_COMPLETE")
        self.expect("DRY_RUN", set(self.dry_runs().values()), {"true"})
        self.say("sam deploy: the stack is CREATE_COMPLETE")
        again = self.run("sam", "deploy", "--no-confirm-changeset", fails=None)
        self.expect("`sam deploy` again", "No changes to deploy" in again, True)  # noqa: FBT003
        self.say("sam deploy again, without parameters: they stay, no changes to deploy")

    def change(self) -> None:
        self.deploy(DryRun="false")
        self.expect("the stack", self.status(), "UPDATE_COMPLETE")
        self.expect("DRY_RUN", set(self.dry_runs().values()), {"false"})
        self.say(f"sam deploy with DryRun=false: UPDATE_COMPLETE, seen in {len(self.dry_runs())} functions")

    def fail(self) -> None:
        built, functions = ROOT / ".aws-sam" / "build", ", ".join(sorted(self.resources("AWS::Lambda::Function")))
        broken = built / "acceptance.yaml"
        broken.write_text((built / "template.yaml").read_text().replace("\nResources:\n", "\nResources:\n" + BROKEN.format(functions=functions), 1))
        try:
            printed = self.deploy("--template-file", str(broken), "--config-file", str(ROOT / "samconfig.toml"), fails=True, DryRun="true")
        finally:
            broken.unlink()
        self.expect("sam's words", "UPDATE_ROLLBACK_COMPLETE" in printed and "NoSuchPolicy" in printed, True)  # noqa: FBT003
        self.expect("the stack", self.status(), "UPDATE_ROLLBACK_COMPLETE")
        self.expect("DRY_RUN", set(self.dry_runs().values()), {"false"})
        self.say("sam deploy of a broken template: UPDATE_ROLLBACK_COMPLETE, every function has its former configuration")

    def use(self) -> None:
        role = "ExecutionRole=arn:aws:iam::444444444444:role/StudioExecution"
        network = ["--auth-mode", "IAM", "--subnet-ids", "subnet-0a1b2c3d", "--vpc-id", "vpc-0a1b2c3d", "--default-user-settings", role]
        domain = self.aws(MEMBER, "sagemaker", "create-domain", "--domain-name", "studio", *network)["DomainArn"].rsplit("/", 1)[1]
        self.settle()
        profile = self.aws(MEMBER, "sagemaker", "create-user-profile", "--domain-id", domain, "--user-profile-name", "alice")["UserProfileArn"]
        self.settle()
        tags = {tag["Key"]: tag["Value"] for tag in self.aws(MEMBER, "sagemaker", "list-tags", "--resource-arn", profile)["Tags"]}
        self.expect("the tags of a new profile", tags.get("ml:cost-center"), "R-4711")
        self.say(f"aws sagemaker create-user-profile: it has {len(tags)} cost tags, so the former version still works")

    def delete(self, before: set[str]) -> None:
        stack_id = self.aws(HUB, "cloudformation", "describe-stacks", "--stack-name", STACK)["Stacks"][0]["StackId"]
        retained = self.retained()
        self.run("sam", "delete", "--no-prompts")
        self.settle()
        told = self.aws(HUB, "cloudformation", "describe-stack-events", "--stack-name", stack_id)["StackEvents"]
        self.expect("the stack", told[0]["ResourceStatus"], "DELETE_COMPLETE")
        self.expect("what is left", sorted(self.inventory() - before), sorted(retained))
        kept = ", ".join(sorted({each.split()[-1] for each in retained}))
        self.say(f"sam delete: DELETE_COMPLETE, but for roles only {kept} are left in {len(self.accounts)} accounts and {len(self.regions)} Regions")

    def retained(self) -> set[str]:
        """What the template says is to stay, as `inventory` names it."""
        template = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
        kept = {name for name, resource in template.items() if resource.get("DeletionPolicy") == "Retain"}
        tables = {table for name, table in self.resources("AWS::DynamoDB::Table").items() if name in kept}
        buckets = {bucket for name, bucket in self.resources("AWS::S3::Bucket").items() if name in kept}
        of_region = {f"{HUB} {self.hub_stack['region']} dynamodb {name}" for name in tables}
        return of_region | {f"{HUB} {region} s3 {name}" for region in self.regions for name in buckets}  # each Region lists all of an account

    def inventory(self) -> set[str]:
        """Everything in every account and Region, but for what `sam deploy` keeps its packages in."""
        found = set()
        for account in self.accounts:
            for region in self.regions:
                for service, listing, key, name in LISTS:
                    pages = getattr(self.client(service, account, region), listing)()[key]
                    found |= {f"{account} {region} {service} {each[name] if name else each}" for each in pages}
        return {each for each in found if "aws-sam-cli-managed-default" not in each}


def accept(*, keep: bool) -> None:
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    run = Acceptance(environment())
    run.build()
    with run.served():
        run.env["AWS_DEFAULT_REGION"] = run.hub_stack["region"]
        before = run.inventory()
        run.say(f"localaws serves {DEMO.relative_to(ROOT)} at {run.env['AWS_ENDPOINT_URL']}, without its hub stack")
        run.create()
        run.change()
        run.fail()
        run.use()
        run.delete(before)
    if not keep:
        shutil.rmtree(BUILD)
    print(f"{run.steps} steps passed in {time.monotonic() - run.started:.0f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make acceptance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep build/acceptance, with the log of all commands, also when all went well")
    keep = parser.parse_args().keep
    try:
        accept(keep=keep)
    except (Failed, NoPython) as failed:
        end = LOG.read_text()[-4000:] if LOG.exists() else ""
        print(f"{end}\nFAILED: {failed}" + (f" (the whole log: {LOG.relative_to(ROOT)})" if end else ""), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run every command of `docs/runbook.md` on a local AWS organization, and compare what they print with what the runbook says they do.

``python -m tools.runbook_commands``, with the AWS CLI on the PATH. Blocks marked `sh` are run in their order, each in a shell of its own after the
first block, which sets the shell up. The block marked `text` after one is what it prints, where `…` stands for whatever is there. Blocks with another
mark need AWS itself and are not run. Before that three things are made to go wrong: an execution fails, intake cannot read a message, and the hub bus
lets an event not in. And somebody has left an app.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from demo.stage import Stage

ROOT = Path(__file__).resolve().parents[1]
RUNBOOK = ROOT / "docs" / "runbook.md"
ROLE = "profile_cost_tagging"
REPORTED = "%Y-%m-%dT%H:%M:%SZ"

# The AWS CLI of version 1 has an endpoint of its own for SQS, whatever the configuration says.
SHELL = 'set -euo pipefail\naws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n'


@dataclass(frozen=True)
class Block:
    """Commands of the runbook, the line they begin at, and what they print; None where the runbook does not say."""

    line: int
    commands: str
    prints: str | None


def blocks(text: str) -> Iterator[Block]:
    """The `sh` blocks of a Markdown text, each with the `text` block that follows it."""
    fences = list(re.finditer(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))
    for fence, following in zip(fences, [*fences[1:], None], strict=True):
        if fence[1] == "sh":
            prints = following[2] if following and following[1] == "text" else None
            yield Block(text.count("\n", 0, fence.start()) + 2, fence[2], prints)


def agrees(said: str, printed: str) -> bool:
    """Whether what was printed is what the runbook says: blanks at the ends of lines aside, and `…` for anything, lines too where it stands alone."""
    pattern = ""
    for line in said.strip().splitlines():
        pattern += r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.strip() + "\n") is not None


def run(blocks_in_order: list[Block], stage: Stage) -> Iterator[str]:
    """What is wrong with each block that is wrong, in words."""
    setup, *rest = blocks_in_order
    for block in rest:
        script = SHELL + setup.commands + block.commands
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)  # noqa: S603, S607 - the runbook is ours
        stage.settle()
        print(f"docs/runbook.md:{block.line}: exit code {done.returncode}")
        if done.returncode or (block.prints is not None and not agrees(block.prints, done.stdout)):
            yield f"docs/runbook.md:{block.line}\n{block.commands}ended with {done.returncode} and printed\n{done.stdout}{done.stderr}"


def make_trouble(stage: Stage) -> None:
    """What the runbook is there for: alice's execution fails, an event cannot be read, the event of bob's profile is not delivered."""
    with _without_role(stage, "fraud-dev"):
        _create_profile(stage, "fraud-dev", "alice")
        stage.settle()
    sqs = stage.client("sqs", "hub")
    sqs.send_message(QueueUrl=stage.outputs()["IntakeQueueUrl"], MessageBody="not an event")
    _create_domain(stage, "pricing-prod", stage.client("sagemaker", "pricing-prod"))  # its own event is delivered
    with _bus_closed(stage):
        _create_profile(stage, "pricing-prod", "bob")
        stage.settle()
    _leave_an_app(stage)


def _leave_an_app(stage: Stage) -> None:
    """Hours ago, says its reporter; and a sweep has been there since."""
    sagemaker = stage.client("sagemaker", "fraud-dev")
    domain = sagemaker.list_domains()["Domains"][0]["DomainId"]
    of_alice = {"OwnershipSettings": {"OwnerUserProfileName": "alice"}, "SpaceSharingSettings": {"SharingType": "Private"}}
    sagemaker.create_space(DomainId=domain, SpaceName="lab", **of_alice)
    stage.settle()
    app = sagemaker.create_app(
        DomainId=domain, SpaceName="lab", AppType="JupyterLab", AppName="default", ResourceSpec={"InstanceType": "ml.t3.medium"}
    )
    now = datetime.fromisoformat(stage.advance("4h"))
    report = f"idle since={now - timedelta(hours=3):{REPORTED}} seen={now:{REPORTED}}"
    sagemaker.add_tags(ResourceArn=app["AppArn"], Tags=[{"Key": "steward:activity", "Value": report}])
    stage.advance("1h")


@contextmanager
def _without_role(stage: Stage, account: str) -> Iterator[None]:
    """A member account in which our role is not there for a while."""
    iam = stage.client("iam", account)
    role = iam.get_role(RoleName=ROLE)["Role"]
    names = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    policies = {name: iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"] for name in names}
    for name in names:
        iam.delete_role_policy(RoleName=ROLE, PolicyName=name)
    iam.delete_role(RoleName=ROLE)
    yield
    iam.create_role(RoleName=ROLE, Path=role["Path"], AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    for name, policy in policies.items():
        iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(policy))


@contextmanager
def _bus_closed(stage: Stage) -> Iterator[None]:
    """The hub bus lets nobody in for a while."""
    events, bus = stage.client("events", "hub"), stage.outputs()["HubBusArn"].rsplit("/", 1)[1]
    policy = events.describe_event_bus(Name=bus)["Policy"]
    events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    yield
    events.put_permission(EventBusName=bus, Policy=policy)


def _create_profile(stage: Stage, account: str, name: str) -> None:
    sagemaker = stage.client("sagemaker", account)
    domains = sagemaker.list_domains()["Domains"]
    domain = domains[0]["DomainId"] if domains else _create_domain(stage, account, sagemaker)
    sagemaker.create_user_profile(DomainId=domain, UserProfileName=name)


def _create_domain(stage: Stage, account: str, sagemaker: Any) -> str:
    role = f"arn:aws:iam::{stage.client('sts', account).get_caller_identity()['Account']}:role/StudioExecution"
    arn: str = sagemaker.create_domain(
        DomainName="studio", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": role}, SubnetIds=["subnet-0a1b2c3d"], VpcId="vpc-0a1b2c3d"
    )["DomainArn"]
    stage.settle()
    return arn.rsplit("/", 1)[1]


def main() -> int:
    if shutil.which("aws") is None:
        sys.stderr.write("The runbook's commands need the AWS CLI on the PATH.\n")
        return 2
    with Stage() as stage:
        make_trouble(stage)
        wrong = list(run(list(blocks(RUNBOOK.read_text())), stage))
    for fault in wrong:
        sys.stderr.write(f"\n{fault}\n")
    print(f"{len(wrong)} of the runbook's blocks do not do what it says." if wrong else "Every command of the runbook does what it says.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

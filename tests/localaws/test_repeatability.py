"""One seed, one run: two processes that play the same story write the same logs, whatever Python's own hashing is."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORY = """
import hashlib, json, pathlib, sys
from localaws.local import LocalOrganization

with LocalOrganization(pathlib.Path("demo/organization.yaml"), seed=int(sys.argv[1])) as local:
    local.deploy_stacks()
    sagemaker = local.client("sagemaker", "fraud-dev")
    role = {"ExecutionRole": "arn:aws:iam::444444444444:role/Studio"}
    domain = sagemaker.create_domain(DomainName="studio", AuthMode="IAM", DefaultUserSettings=role, SubnetIds=["s-1"], VpcId="v-1")["DomainArn"]
    local.settle()
    for name in ("alice", "bob", "carol"):
        sagemaker.create_user_profile(DomainId=domain.rsplit("/", 1)[1], UserProfileName=name)
    local.settle()
    log = local.cloud.log
    times = [execution["time"] for execution in log.executions]
    everything = [log.executions, log.calls, log.deliveries, log.decisions, [{**entry, "log": ""} for entry in log.invocations]]
    print(len(times), hashlib.sha256(json.dumps(everything, default=str).encode()).hexdigest())
"""


def play(seed: int, hashing: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hashing), "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", STORY, str(seed)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_the_same_seed_is_the_same_run_and_another_seed_another() -> None:
    first = play(seed=3, hashing=1)
    assert first.startswith("7 "), "the domain is set up, and each profile is tagged and may use templates"
    assert play(seed=3, hashing=2) == first
    assert play(seed=4, hashing=1) != first

"""Served on loopback: boto3 with the written config, and the command line, as people use them."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The small organization without stacks, served by a process of its own."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "localaws", "serve", "--seed", "7"]
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server.stdout:
        ready = json.loads(server.stdout.readline())
        yield {**ready, "folder": str(folder)}
        server.terminate()
        assert server.wait(timeout=20) == 0
    assert not (folder / "build/localaws/endpoint.json").exists()


@pytest.fixture
def here(served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """In the folder of the server, with its config."""
    monkeypatch.chdir(served["folder"])
    monkeypatch.setenv("AWS_CONFIG_FILE", served["config"])
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return served


def test_it_says_where_it_is(here: dict[str, str]) -> None:
    assert here["endpoint"].startswith("http://localhost:")
    assert json.loads(Path("build/localaws/endpoint.json").read_text())["endpoint"] == here["endpoint"]


def test_another_organization_is_not_served_from_the_same_folder(here: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 1
    assert "build/localaws is in use: stop what is served from this folder" in capsys.readouterr().err
    assert json.loads(Path("build/localaws/endpoint.json").read_text())["endpoint"] == here["endpoint"]


def test_the_profiles_of_the_config_are_the_accounts(here: dict[str, str]) -> None:
    assert set(boto3.Session().available_profiles) == {"management", "hub", "fraud-dev"}
    identity = boto3.Session(profile_name="fraud-dev").client("sts").get_caller_identity()
    assert identity["Account"] == "444444444444"


def test_boto3_works_unchanged_and_time_passes_by_itself(here: dict[str, str]) -> None:
    sagemaker = boto3.Session(profile_name="fraud-dev").client("sagemaker")
    arn = sagemaker.create_domain(
        DomainName="studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": "arn:aws:iam::444444444444:role/Studio"},
        SubnetIds=["subnet-1"],
        VpcId="vpc-1",
    )["DomainArn"]
    assert main(["settle"]) == 0
    assert sagemaker.describe_domain(DomainId=arn.rsplit("/", 1)[1])["Status"] == "InService"


def test_s3_takes_what_it_is_given(here: dict[str, str]) -> None:
    s3 = boto3.Session(profile_name="hub").client("s3")
    s3.create_bucket(Bucket="artifacts-of-the-hub", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="artifacts-of-the-hub", Key="a folder/a key+plus.txt", Body=b"content")
    assert s3.get_object(Bucket="artifacts-of-the-hub", Key="a folder/a key+plus.txt")["Body"].read() == b"content"


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_s3_is_spoken_to_in_both_styles(here: dict[str, str], style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    # Names under localhost are loopback (RFC 6761), which not every resolver knows.
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: resolve("localhost" if ".localhost" in host else host, *more, **named))
    config = Config(s3={"addressing_style": style})
    s3, bucket = boto3.Session(profile_name="hub").client("s3", config=config), f"of-the-{style}-style"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="a folder/k.json", Body=b"content")
    assert s3.meta.endpoint_url == here["endpoint"]
    head = s3.head_object(Bucket=bucket, Key="a folder/k.json")
    assert (head["ContentLength"], [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]) == (7, ["a folder/k.json"])
    assert s3.get_object(Bucket=bucket, Key="a folder/k.json", Range="bytes=1-3")["Body"].read() == b"ont"
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="nowhere")
    s3.delete_object(Bucket=bucket, Key="a folder/k.json")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)


def test_what_is_refused_is_refused_by_name_and_once(here: dict[str, str]) -> None:
    with pytest.raises(ClientError) as refused:
        boto3.Session(profile_name="hub").client("sqs").list_queues()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refused.value.response["Error"]["Code"] == "LocalawsRefused"
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert "sqs:ListQueues" in str(refused.value)


def test_advance_lets_time_pass(here: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["settle"])
    before = capsys.readouterr().out.strip()
    assert main(["advance", "1d2h"]) == 0
    after = capsys.readouterr().out.strip()
    assert before[8:13] != after[8:13]


def test_the_log_has_the_calls(here: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    boto3.Session(profile_name="management").client("sts").get_caller_identity()
    assert main(["log", "calls", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["action"], last["account"], last["principal"]) == (
        "sts:GetCallerIdentity",
        "111111111111",
        "arn:aws:iam::111111111111:user/administrator",
    )


def test_who_reads_the_log_may_stop_early(here: dict[str, str]) -> None:
    boto3.Session(profile_name="management").client("sts").get_caller_identity()
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    log = subprocess.run([sys.executable, "-m", "localaws", "log", "calls"], check=False, env=environment, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (log.returncode, log.stderr) == (0, b"")


def test_an_execution_is_a_line_that_says_what_came_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    time = "2026-11-02T08:05:41.410Z"
    entries = [
        {"time": time, "status": "SUCCEEDED", "name": "one", "output": {"outcome": "Done", "dry_run": True}, "error": None, "redrives": 0},
        {"time": time, "status": "SUCCEEDED", "name": "two", "output": {"outcome": "Done", "dry_run": False}, "error": None, "redrives": 1},
        {"time": time, "status": "FAILED", "name": "three", "output": None, "error": "Broken", "redrives": 2},
        {"time": time, "status": "SUCCEEDED", "name": "four", "output": [1], "error": None, "redrives": 0},
    ]
    monkeypatch.setattr("localaws.__main__._ask", lambda _: entries)
    assert main(["log", "executions"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{time}  SUCCEEDED  one  Done  (dry run)",
        f"{time}  SUCCEEDED  two  Done  (1 redrive)",
        f"{time}  FAILED     three  Broken  (2 redrives)",
        f"{time}  SUCCEEDED  four",
    ]


def test_an_event_file_is_put_on_the_bus_of_its_account(here: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = "arn:aws:sqs:eu-west-1:444444444444:sent"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    session = boto3.Session(profile_name="fraud-dev")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = session.client("sqs").create_queue(QueueName="sent", Attributes={"Policy": policy})["QueueUrl"]
    session.client("events").put_rule(Name="sent", EventPattern=json.dumps({"source": ["aws.test"]}))
    session.client("events").put_targets(Rule="sent", Targets=[{"Id": "sent", "Arn": queue}])
    event = {"version": "0", "id": "1", "source": "aws.test", "detail-type": "Test", "account": "444444444444", "region": "eu-west-1"}
    event |= {"time": "2026-11-02T08:00:00Z", "resources": [], "detail": {"a": 1}}
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    assert main(["send", str(file), str(file)]) == 0
    messages = session.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [event, event]


ELSEWHERE = '[{"id": "1", "account": "222222222222", "source": "a", "time": "2026-11-02T08:00:00Z", "region": "r", "detail-type": "t", "detail": {}}]'


@pytest.mark.parametrize("body", ["{", "[1]", '[{"account": "nobody"}]', ELSEWHERE])
def test_what_is_no_event_is_an_error_that_says_so(here: dict[str, str], tmp_path: Path, body: str, capsys: pytest.CaptureFixture[str]) -> None:
    request = urllib.request.Request(f"{here['endpoint']}/_localaws/send", data=body.encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert (answer.code, "error" in json.load(answer)) == (400, True)


def test_an_app_that_no_call_can_start_is_planted(here: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = {"Account": "444444444444", "Region": "eu-west-1", "DomainId": "d-1", "AppType": "RStudioServerPro", "AppName": "default"}
    good, bad = tmp_path / "app.json", tmp_path / "bad.json"
    good.write_text(json.dumps({**app, "UserProfileName": "domain-shared"}))
    bad.write_text(json.dumps(app))
    assert main(["plant", str(good)]) == 0
    assert main(["plant", str(bad)]) == 1
    assert "exactly one of UserProfileName and SpaceName" in capsys.readouterr().err
    (found,) = boto3.Session(profile_name="fraud-dev").client("sagemaker").list_apps()["Apps"]
    assert (found["AppType"], found["UserProfileName"], found["Status"]) == ("RStudioServerPro", "domain-shared", "InService")


def test_without_a_server_the_verbs_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert main(["settle"]) == 1
    assert "make serve" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [("accounts: [}", "expected"), ("home_region: eu-west-1", "give it regions"), ("home_region: a\nregions: [a]\naccounts: []", "Regions")],
)
def test_a_file_that_describes_no_organization_is_an_error_that_says_why(
    tmp_path: Path, text: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "organization.yaml"
    file.write_text(text)
    assert main(["serve", str(file)]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["", "2", "2 hours", "h2"])
def test_a_duration_that_is_none_is_an_error(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["advance", wrong])
    assert "duration" in capsys.readouterr().err

"""What a template names on this disk lies in S3 afterwards: the same bytes for the same files, and uploaded once."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localaws.cloud import Refused
from localaws.cloudformation import DeploymentFailed, delete, deploy
from localaws.cloudformation.packaging import Artifacts, PackageNotFound, package, packed
from localaws.local import LocalOrganization

HUB, HERE = "222222222222", "eu-west-1"

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Word: {Type: String, Default: hello}}
Globals: {Function: {CodeUri: code/, Runtime: python3.13}}
Resources:
  Function: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler}}
  Other: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, CodeUri: code}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.yaml
      DefinitionSubstitutions: {Word: !Ref Word}
      Role: arn:aws:iam::222222222222:role/machine
Outputs: {MachineArn: {Value: !Ref Machine}, FunctionName: {Value: !Ref Function}}
"""
MACHINE = """
QueryLanguage: JSONata
StartAt: Done
States: {Done: {Type: Succeed, Output: {said: "${Word}"}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "code" / "__pycache__").mkdir(parents=True)
    (tmp_path / "code" / "app.py").write_text("def handler(event, context): return 1\n")
    (tmp_path / "code" / "__pycache__" / "app.pyc").write_bytes(b"x")
    (tmp_path / "machine.asl.yaml").write_text(MACHINE)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


def artifacts(local: LocalOrganization) -> Artifacts:
    return Artifacts(local.cloud, local.administrator("hub"), HERE)


def deployed(local: LocalOrganization, project: Path, **parameters: str) -> dict[str, str]:
    return deploy(local.cloud, local.administrator("hub"), "app", project / "template.yaml", HUB, HERE, parameters)


def uploads(local: LocalOrganization) -> list[str]:
    return [call["resource"] for call in local.cloud.log.calls if call["action"] == "s3:PutObject"]


def definition(local: LocalOrganization, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(local.client("stepfunctions", "hub").describe_state_machine(stateMachineArn=arn)["definition"])
    return found


def test_the_same_files_make_the_same_archive_whenever_they_were_written(project: Path) -> None:
    for name in ("z", "m", "b"):
        (project / "code" / f"{name}.py").touch()
    first = packed(project / "code")
    os.utime(project / "code" / "app.py", (0, 0))
    assert packed(project / "code") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["app.py", "b.py", "m.py", "z.py"]
    (project / "code" / "app.py").write_text("def handler(event, context): return 2\n")
    assert packed(project / "code") != first


def test_local_paths_become_places_in_s3(local: LocalOrganization, project: Path) -> None:
    found = json.loads(package(project / "template.yaml", artifacts(local)))
    common, own = found["Globals"]["Function"]["CodeUri"], found["Resources"]["Other"]["Properties"]["CodeUri"]
    assert common == own
    assert common.startswith(f"s3://localaws-artifacts-{HUB}-{HERE}/")
    place = found["Resources"]["Machine"]["Properties"]["DefinitionUri"]
    body = local.client("s3", "hub").get_object(**place)["Body"].read().decode()
    assert body == MACHINE


def test_what_is_in_s3_already_is_left_as_it_is(local: LocalOrganization, tmp_path: Path) -> None:
    text = "Resources: {L: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: k}}}}"
    (tmp_path / "template.yaml").write_text(text)
    assert json.loads(package(tmp_path / "template.yaml", artifacts(local)))["Resources"]["L"]["Properties"]["Content"] == {
        "S3Bucket": "b",
        "S3Key": "k",
    }
    assert uploads(local) == []


def test_a_path_that_leads_nowhere_is_named(local: LocalOrganization, project: Path) -> None:
    (project / "machine.asl.yaml").unlink()
    with pytest.raises(PackageNotFound, match=r"machine\.asl\.yaml"):
        package(project / "template.yaml", artifacts(local))


def test_a_path_that_nobody_packages_is_refused(local: LocalOrganization, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: other.yaml}}}")
    with pytest.raises(Refused, match="TemplateURL of AWS::CloudFormation::Stack"):
        package(tmp_path / "template.yaml", artifacts(local))


def test_templates_of_stack_sets_are_packaged_with_what_they_name(local: LocalOrganization, project: Path) -> None:
    (project / "hub.yaml").write_text("Resources: {Set: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateURL: template.yaml}}}")
    url = json.loads(package(project / "hub.yaml", artifacts(local)))["Resources"]["Set"]["Properties"]["TemplateURL"]
    bucket, key = url.removeprefix(f"https://s3.{HERE}.amazonaws.com/").split("/")
    text = local.client("s3", "hub").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert json.loads(text)["Globals"]["Function"]["CodeUri"].startswith("s3://")


@pytest.mark.usefixtures("machine_role")
def test_a_deployment_gives_its_outputs_and_the_next_uploads_only_what_changed(local: LocalOrganization, project: Path) -> None:
    told = deployed(local, project)
    assert definition(local, told["MachineArn"])["States"]["Done"]["Output"] == {"said": "hello"}
    sha = local.client("lambda", "hub").get_function_configuration(FunctionName=told["FunctionName"])["CodeSha256"]
    before = uploads(local)
    assert len(before) == 3  # code, definition, template
    assert deployed(local, project) == told
    assert uploads(local) == before
    (project / "code" / "app.py").write_text("def handler(event, context): return 2\n")
    assert deployed(local, project, Word="bye") == told
    assert len(uploads(local)) == 5  # code and template
    assert definition(local, told["MachineArn"])["States"]["Done"]["Output"] == {"said": "bye"}
    assert local.client("lambda", "hub").get_function_configuration(FunctionName=told["FunctionName"])["CodeSha256"] != sha


@pytest.mark.usefixtures("machine_role")
def test_a_deployment_that_fails_says_why_and_can_be_tried_again(local: LocalOrganization, project: Path) -> None:
    (project / "machine.asl.yaml").write_text(MACHINE.replace("Word", "Missing"))
    with pytest.raises(DeploymentFailed, match=r"app is ROLLBACK_COMPLETE: .*\$\{Missing\}"):
        deployed(local, project)
    (project / "machine.asl.yaml").write_text(MACHINE)
    assert set(deployed(local, project)) == {"MachineArn", "FunctionName"}


@pytest.mark.usefixtures("machine_role")
def test_deleting_twice_is_deleting_once(local: LocalOrganization, project: Path) -> None:
    deployed(local, project)
    for _ in range(2):
        delete(local.cloud, local.administrator("hub"), "app", HUB, HERE)
    assert local.client("cloudformation", "hub").describe_stacks()["Stacks"] == []


def test_nobody_deploys_into_another_account(local: LocalOrganization, project: Path) -> None:
    with pytest.raises(ValueError, match="of another account"):
        deploy(local.cloud, local.administrator("management"), "app", project / "template.yaml", HUB, HERE)

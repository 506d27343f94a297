"""The activity reporter in a domain: what is to be written, what is published, and who is told of what stands against it."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from steward.attachment import APP_TYPES, Attachment, Reporter, decide_attachment, is_publication, is_silent, publish, read_reporter
from steward.changes import Change
from steward.reporter import script
from steward.resources.domains import Domain
from steward.resources.profiles import UserProfile
from steward.resources.studios import Studio

ACCOUNT = "arn:aws:sagemaker:eu-west-1:444444444444"
ROLE = "arn:aws:iam::444444444444:role/studio"
LAB, EDITOR = "JupyterLabAppSettings", "CodeEditorAppSettings"
CHANGED = datetime(2026, 11, 23, 9, tzinfo=UTC)
NAMES = {app: script().name_for(app_type) for app, app_type in APP_TYPES.items()}
ARNS = {app: f"{ACCOUNT}:studio-lifecycle-config/{name}" for app, name in NAMES.items()}
GIT = f"{ACCOUNT}:studio-lifecycle-config/git"
THERE = Reporter(ARNS)


def slots(**of: str) -> dict[str, Any]:
    return {f"{app}AppSettings": {"BuiltInLifecycleConfigArn": arn} for app, arn in of.items()}


ATTACHED = slots(JupyterLab=ARNS[LAB], CodeEditor=ARNS[EDITOR])


def domain(users: dict[str, Any], spaces: dict[str, Any] | None = None) -> Domain:
    return Domain(
        arn=f"{ACCOUNT}:domain/d-1",
        name="fraud",
        status="InService",
        failure_reason=None,
        domain_id="d-1",
        last_modified=CHANGED,
        propagates_tags=True,
        is_of_unified_studio=False,
        default_user_settings=users,
        default_space_settings=spaces,
    )


def profile(name: str, **settings: Any) -> UserProfile:
    own = {"failure_reason": None, "domain_id": "d-1", "single_sign_on_user": None, "last_modified": CHANGED}
    return UserProfile(arn=f"{ACCOUNT}:user-profile/d-1/{name}", name=name, status="InService", user_settings=settings, **own)  # type: ignore[arg-type]


def decided(reporter: Reporter, of: Domain, *profiles: UserProfile, is_reported: bool = False) -> Attachment:
    return decide_attachment(reporter, Studio(of, profiles, ()), is_reported=is_reported)


def kinds(attachment: Attachment) -> list[str]:
    return [finding.kind for finding in attachment.findings]


def config(content: str | bytes = script().content, app_type: str = "JupyterLab") -> dict[str, Any]:
    raw = content.encode() if isinstance(content, str) else content
    return {"StudioLifecycleConfigContent": base64.b64encode(raw).decode(), "StudioLifecycleConfigAppType": app_type}


# -- what is to be done


def test_a_bare_domain_gets_it_in_each_place_that_there_is_and_it_is_published_first() -> None:
    attachment = decided(replace(THERE, missing=frozenset(ARNS)), domain({}, {}))
    assert [(change.field, change.before, change.after) for change in attachment.settings] == [
        (f"DefaultUserSettings.{LAB}.BuiltInLifecycleConfigArn", None, ARNS[LAB]),
        (f"DefaultUserSettings.{EDITOR}.BuiltInLifecycleConfigArn", None, ARNS[EDITOR]),
        (f"DefaultSpaceSettings.{LAB}.BuiltInLifecycleConfigArn", None, ARNS[LAB]),
    ]
    digest = hashlib.sha256(script().content.encode()).hexdigest()
    assert [(change.resource, change.before, change.after) for change in attachment.published] == [
        (ARNS[LAB], None, f"sha256 {digest}"),
        (ARNS[EDITOR], None, f"sha256 {digest}"),
    ]
    assert (all(map(is_publication, attachment.published)), any(map(is_publication, attachment.settings))) == (True, False)
    assert attachment.findings == ()


def test_where_it_is_attached_and_published_nothing_is_to_be_done() -> None:
    assert decided(THERE, domain(ATTACHED, slots(JupyterLab=ARNS[LAB]))) == Attachment()


def test_one_that_is_attached_and_not_there_any_more_is_published_again() -> None:
    attachment = decided(replace(THERE, missing=frozenset({EDITOR})), domain(ATTACHED))
    assert (attachment.settings, [change.resource for change in attachment.published]) == ((), [ARNS[EDITOR]])


def test_what_nothing_would_run_is_not_published() -> None:
    attachment = decided(replace(THERE, missing=frozenset(ARNS)), domain(slots(JupyterLab=GIT)))
    assert ([change.resource for change in attachment.published], kinds(attachment)) == ([ARNS[EDITOR]], ["ReporterSlotTaken"])
    for_spaces = decided(replace(THERE, missing=frozenset({LAB})), domain(slots(JupyterLab=GIT, CodeEditor=ARNS[EDITOR]), {}))
    assert [change.resource for change in for_spaces.published] == [ARNS[LAB]], "shared spaces run it"


def test_a_name_that_is_taken_is_attached_nowhere_and_is_no_profiles_matter() -> None:
    attachment = decided(replace(THERE, taken=frozenset({LAB})), domain({}), profile("mina", **slots(JupyterLab=GIT)))
    assert [change.after for change in attachment.settings] == [ARNS[EDITOR]]
    assert (kinds(attachment), attachment.findings[0].resource) == (["ReporterNameTaken"], ARNS[LAB])


def test_profiles_with_a_value_of_their_own_are_named() -> None:
    others = (profile("mina", **slots(JupyterLab=GIT, CodeEditor="None")), profile("omar", **ATTACHED), profile("noor"))
    (finding,) = decided(THERE, domain(ATTACHED), *others).findings
    assert (finding.kind, finding.resource) == ("ReporterOverridden", f"{ACCOUNT}:domain/d-1")
    assert "1 user profiles in domain d-1 have a BuiltInLifecycleConfigArn of their own" in finding.message
    assert f"it stays: mina (JupyterLab {GIT}, CodeEditor None). Their apps" in finding.message


def test_many_names_are_not_all_named() -> None:
    (finding,) = decided(THERE, domain(ATTACHED), *(profile(f"user-{number}", **slots(JupyterLab="None")) for number in range(23))).findings
    assert "user-19 (JupyterLab None), and 3 more. Their apps" in finding.message


@pytest.mark.parametrize(
    ("users", "is_reported", "told"),
    [({}, False, True), (ATTACHED, False, True), (ATTACHED, True, True), ({}, True, False), (slots(JupyterLab=GIT, CodeEditor=GIT), False, False)],
    ids=["to be attached", "attached", "attached in a foreign domain", "a foreign domain", "taken"],
)
def test_roles_are_a_finding_where_the_reporter_runs_or_will(users: dict[str, Any], is_reported: bool, told: bool) -> None:
    attachment = decided(replace(THERE, silent=(ROLE,)), domain(users), is_reported=is_reported)
    assert ("RolesMayNotReport" in kinds(attachment)) == told
    if told:
        assert ROLE in attachment.findings[-1].message


# -- what is published


def asked(app: str) -> dict[str, str]:
    return {"StudioLifecycleConfigName": NAMES[app]}


def test_what_is_published_is_read_once_for_each_type_of_app(scripted: Any) -> None:
    sagemaker, calls = scripted.client("sagemaker")
    calls.add_response("describe_studio_lifecycle_config", config(), asked(LAB))
    calls.add_client_error("describe_studio_lifecycle_config", "ResourceNotFound")
    assert read_reporter(sagemaker, domain({})) == replace(THERE, missing=frozenset({EDITOR}))


@pytest.mark.parametrize(
    "there",
    [config("#!/bin/sh\n"), config(app_type="CodeEditor"), config(b"\xff\xfe"), config() | {"StudioLifecycleConfigContent": "x"}],
    ids=["another script", "another type", "no text", "no base64"],
)
def test_whatever_is_not_exactly_ours_has_taken_its_name(scripted: Any, there: dict[str, Any]) -> None:
    sagemaker, calls = scripted.client("sagemaker")
    calls.add_response("describe_studio_lifecycle_config", there, asked(LAB))
    calls.add_response("describe_studio_lifecycle_config", config(app_type="CodeEditor"), asked(EDITOR))
    assert read_reporter(sagemaker, domain({})) == replace(THERE, taken=frozenset({LAB}))


def test_a_refusal_is_not_taken_for_nothing_there(scripted: Any) -> None:
    sagemaker, calls = scripted.client("sagemaker")
    calls.add_client_error("describe_studio_lifecycle_config", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        read_reporter(sagemaker, domain({}))


def publications(*arns: str) -> Iterable[Change]:
    return [Change(arn, "StudioLifecycleConfigContent", None, "sha256 x", "why") for arn in arns]


def test_it_is_made_in_base64_and_looked_at(scripted: Any) -> None:
    sagemaker, calls = scripted.client("sagemaker")
    calls.add_client_error("describe_studio_lifecycle_config", "ResourceNotFound")
    calls.add_response("create_studio_lifecycle_config", {"StudioLifecycleConfigArn": ARNS[LAB]}, asked(LAB) | config())
    calls.add_response("describe_studio_lifecycle_config", config(), asked(LAB))
    calls.add_response("describe_studio_lifecycle_config", config(app_type="CodeEditor"), asked(EDITOR))
    assert publish(sagemaker, publications(ARNS[LAB], ARNS[EDITOR])) is True, "what is there is not made again"


@pytest.mark.parametrize(("there", "is_ours"), [(config(), True), (config("#!/bin/sh\n"), False)])
def test_one_that_comes_to_be_meanwhile_is_taken_if_it_is_the_same(scripted: Any, there: dict[str, Any], is_ours: bool) -> None:
    sagemaker, calls = scripted.client("sagemaker")
    calls.add_client_error("describe_studio_lifecycle_config", "ResourceNotFound")
    calls.add_client_error("create_studio_lifecycle_config", "ResourceInUse")
    calls.add_response("describe_studio_lifecycle_config", there, asked(LAB))
    assert publish(sagemaker, publications(ARNS[LAB])) is is_ours


def test_a_decision_of_another_deployment_is_not_carried_out(scripted: Any) -> None:
    sagemaker, _ = scripted.client("sagemaker")
    assert publish(sagemaker, publications(f"{ACCOUNT}:studio-lifecycle-config/steward-activity-reporter-jupyterlab-0123456789ab")) is False


def test_a_refusal_to_make_it_is_an_error(scripted: Any) -> None:
    sagemaker, calls = scripted.client("sagemaker")
    calls.add_client_error("describe_studio_lifecycle_config", "ResourceNotFound")
    calls.add_client_error("create_studio_lifecycle_config", "ResourceLimitExceeded")
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        publish(sagemaker, publications(ARNS[LAB]))


# -- roles


@pytest.mark.parametrize(("decision", "silent"), [("allowed", False), ("implicitDeny", True), ("explicitDeny", True)])
def test_a_role_is_asked_for_that_key_alone_on_an_app_of_that_domain(scripted: Any, decision: str, silent: bool) -> None:
    iam, calls = scripted.client("iam")
    request = {
        "PolicySourceArn": ROLE,
        "ActionNames": ["sagemaker:AddTags"],
        "ResourceArns": [f"{ACCOUNT}:app/d-1/steward/jupyterlab/default"],
        "ContextEntries": [
            {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": ["steward:activity"], "ContextKeyType": "stringList"},
            {"ContextKeyName": "aws:RequestTag/steward:activity", "ContextKeyValues": ["x"], "ContextKeyType": "string"},
        ],
    }
    results = {"EvaluationResults": [{"EvalActionName": "sagemaker:AddTags", "EvalDecision": decision}]}
    calls.add_response("simulate_principal_policy", results, request)
    assert is_silent(iam, ROLE, domain({})) is silent


def test_a_role_that_is_not_there_is_not_silent_but_another_finding(scripted: Any) -> None:
    iam, calls = scripted.client("iam")
    calls.add_client_error("simulate_principal_policy", "NoSuchEntity")
    assert is_silent(iam, ROLE, domain({})) is False
    calls.add_client_error("simulate_principal_policy", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        is_silent(iam, ROLE, domain({}))

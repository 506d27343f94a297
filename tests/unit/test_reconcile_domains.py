"""The steps FindDomains, GatherDomains and ReconcileDomains alone: which calls they make, and what they answer."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from reconciliation import reconcile_domains as step
from reconciliation.find_domains import find_domains
from reconciliation.gather_domains import GatherDomainsRequest, gather_domains
from reconciliation.reconcile_domains import Look, Memory
from steward.errors import OutOfTime
from steward.resources.records import Records, Use
from steward.rules.access import LOCATION_TAG, missing_service_roles
from steward.rules.idle_settings import IdleLimits
from steward.settings import GatherDomainsSettings, ReconcileDomainsSettings
from steward.setups import SetupPolicy
from steward.sweeps import Answer, DomainPlace, Found, Looked, Place

ACCOUNT_ID, DOMAIN_ID = "444444444444", "d-fraud0dev0001"
ACCOUNT_ARN = f"arn:aws:organizations::111111111111:account/o-steward0001/{ACCOUNT_ID}"
DOMAIN_ARN, MINA, LAB = (
    f"arn:aws:sagemaker:eu-west-1:{ACCOUNT_ID}:{path}" for path in (f"domain/{DOMAIN_ID}", f"user-profile/{DOMAIN_ID}/mina", f"space/{DOMAIN_ID}/lab")
)
OF_ACCOUNT = {"ml:project": "fraud", "ml:owner": "fraud-team"}
WHOLE = {"ml:user": "mina", **OF_ACCOUNT}
POLICY = SetupPolicy(IdleLimits(120, 60, 480), "ml:user", ("ml:project", "ml:owner"), False, False, 5, attaches_reporter=False)
SETTINGS = ReconcileDomainsSettings("reconciliation", "records", "", POLICY)
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/studio"
IDLE = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MinIdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 480}
IN_ORDER = {f"{app}AppSettings": {"AppLifecycleManagement": {"IdleSettings": IDLE}} for app in ("JupyterLab", "CodeEditor")}
THERE = missing_service_roles(frozenset(), templates_in_s3=False)
CHANGED = datetime(2026, 11, 23, 9, tzinfo=UTC)


def place(account_tags: dict[str, str] | None = None, *, held: bool = False) -> DomainPlace:
    tags = OF_ACCOUNT if account_tags is None else account_tags
    return DomainPlace(account_id=ACCOUNT_ID, account_arn=ACCOUNT_ARN, region="eu-west-1", account_tags=tags, held=held, domain_id=DOMAIN_ID)


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Member:
    """A member account as its services describe it, one call after the other; it is the session too."""

    region = "eu-west-1"

    def __init__(self, scripted: Any):
        self.sagemaker, self.script = scripted.client("sagemaker")
        self.tagging, self.tags_script = scripted.client("resourcegroupstaggingapi")
        self.iam, self.iam_script = scripted.client("iam")
        self.dynamodb, self.records = scripted.client("dynamodb")
        self.servicecatalog, self.catalog = scripted.client("servicecatalog")

    def client(self, service: str) -> Any:
        return {"resourcegroupstaggingapi": self.tagging}.get(service) or getattr(self, service)

    def domain(self, status: str = "InService", **more: Any) -> "Member":
        answer = {"DomainArn": DOMAIN_ARN, "DomainId": DOMAIN_ID, "DomainName": "fraud", "Status": status, "LastModifiedTime": CHANGED}
        answer |= {"TagPropagation": "ENABLED", "DefaultUserSettings": IN_ORDER} | more
        self.script.add_response("describe_domain", answer, {"DomainId": DOMAIN_ID})
        return self

    def lists(self, profiles: list[str], spaces: list[str]) -> "Member":
        of_profile = [{"DomainId": DOMAIN_ID, "UserProfileName": one, "Status": "InService", "LastModifiedTime": CHANGED} for one in profiles]
        of_space = [{"DomainId": DOMAIN_ID, "SpaceName": one, "Status": "InService", "LastModifiedTime": CHANGED} for one in spaces]
        asked = {"DomainIdEquals": DOMAIN_ID, "MaxResults": 100}
        self.script.add_response("list_user_profiles", {"UserProfiles": of_profile}, asked)
        for name in profiles:
            self.profile(name)
        self.script.add_response("list_spaces", {"Spaces": of_space}, asked)
        for name in spaces:
            self.space(name)
        return self

    def profile(self, name: str, status: str = "InService") -> None:
        answer = {"UserProfileArn": MINA.replace("mina", name), "UserProfileName": name, "DomainId": DOMAIN_ID, "Status": status}
        asked = {"DomainId": DOMAIN_ID, "UserProfileName": name}
        self.script.add_response("describe_user_profile", answer | {"LastModifiedTime": CHANGED}, asked)

    def space(self, name: str) -> None:
        answer = {"SpaceArn": LAB, "SpaceName": name, "DomainId": DOMAIN_ID, "Status": "InService", "LastModifiedTime": CHANGED}
        owned = {"OwnershipSettings": {"OwnerUserProfileName": "mina"}, "SpaceSharingSettings": {"SharingType": "Private"}}
        self.script.add_response("describe_space", answer | owned, {"DomainId": DOMAIN_ID, "SpaceName": name})

    def tagged(
        self,
        tags: dict[str, dict[str, str]],
        *arns: str,
        remembered: dict[str, str] | None = None,
        principals: str = "",
        service_roles: Iterable[str] = THERE,
    ) -> "Member":
        """And what is remembered of the account, by its sort key, and a principal of the portfolio, if there is one: then templates are enabled."""
        answer = [{"ResourceARN": arn, "Tags": as_list(those)} for arn, those in ({DOMAIN_ARN: OF_ACCOUNT} | tags).items()]
        place = {":place": {"S": f"{ACCOUNT_ID}/eu-west-1"}}
        asked = {"TableName": "records", "ConsistentRead": True, "KeyConditionExpression": "place = :place", "ExpressionAttributeValues": place}
        items = [{"place": {"S": "x"}, "what": {"S": what}, "value": {"S": value}} for what, value in (remembered or {}).items()]
        self.records.add_response("query", {"Items": items}, asked)
        self.script.add_response("get_sagemaker_servicecatalog_portfolio_status", {"Status": "Enabled"})
        self.has_service_roles(service_roles)
        if principals:
            share = {"Id": "port-1", "ARN": "arn:aws:catalog:eu-west-1:999999999999:portfolio/port-1", "ProviderName": "Amazon SageMaker"}
            self.catalog.add_response("list_accepted_portfolio_shares", {"PortfolioDetails": [share]})
            allowed = [{"PrincipalARN": principals, "PrincipalType": "IAM"}]
            self.catalog.add_response("list_principals_for_portfolio", {"Principals": allowed})
        else:
            self.catalog.add_response("list_accepted_portfolio_shares", {"PortfolioDetails": []})
        self.tags_script.add_response("get_resources", {"ResourceTagMappingList": answer}, {"ResourceARNList": list(arns)})
        return self

    def has_service_roles(self, names: Iterable[str]) -> "Member":
        of_all = {"Path": "/service-role/", "RoleId": "AROA0123456789012", "CreateDate": CHANGED}
        roles = [{"RoleName": name, "Arn": f"arn:aws:iam::{ACCOUNT_ID}:role/{name}", **of_all} for name in names]
        self.iam_script.add_response("list_roles", {"Roles": roles, "IsTruncated": False}, {"PathPrefix": "/service-role/", "MaxItems": 1000})
        return self

    def roles_may(self, decision: str) -> "Member":
        """The one role in use, asked three times, or once where it is denied."""
        for _ in range(3 if decision == "allowed" else 1):
            answer = {"EvaluationResults": [{"EvalActionName": "sagemaker:AddTags", "EvalDecision": decision}], "IsTruncated": False}
            self.iam_script.add_response("simulate_principal_policy", answer)
        return self

    def confirmed(self, arn: str, tags: dict[str, str]) -> "Member":
        self.script.add_response("list_tags", {"Tags": as_list(tags)}, {"ResourceArn": arn})
        return self

    def refuses(self, operation: str, code: str) -> "Member":
        self.script.add_client_error(operation, code)
        return self

    def reconcile(self, where: DomainPlace | None = None) -> Looked:
        return Look(SETTINGS, Memory(self.dynamodb, "records")).at(where or place(), self)  # type: ignore[arg-type]


@pytest.fixture
def member(scripted: Any) -> Member:
    return Member(scripted)


def test_where_all_tags_are_right_one_call_says_so_and_nothing_is_to_be_started(member: Member) -> None:
    member.domain().lists(["mina"], ["lab"]).tagged({MINA: WHOLE, LAB: WHOLE}, DOMAIN_ARN, MINA, LAB)
    looked = member.reconcile()
    assert (looked.counts, looked.starts, looked.findings, looked.troubles) == ({"user_profiles": 1, "spaces": 1}, (), (), ())


def test_what_lacks_tags_is_confirmed_by_itself_before_anything_is_started(member: Member) -> None:
    """GetResources is silent on what never had a tag, and late on what has just been tagged."""
    member.domain().lists(["mina"], ["lab"]).tagged({LAB: WHOLE | {"ml:owner": "somebody"}}, DOMAIN_ARN, MINA, LAB)
    member.confirmed(DOMAIN_ARN, OF_ACCOUNT).confirmed(MINA, {}).confirmed(LAB, WHOLE)
    (start,) = member.reconcile().starts
    assert (start.workflow, start.user_profile_name, start.space_name, start.resource) == ("profile_cost_tagging", "mina", None, MINA)
    assert start.reason == "the tag ml:user is missing; the tag ml:project is missing; the tag ml:owner is missing"


def test_a_space_that_lacks_tags_is_started_for_and_where_a_brake_holds_it_is_said(member: Member) -> None:
    member.domain().lists(["mina"], ["lab"]).tagged({MINA: WHOLE}, DOMAIN_ARN, MINA, LAB)
    member.confirmed(DOMAIN_ARN, OF_ACCOUNT).confirmed(LAB, WHOLE | {"ml:owner": "somebody"})
    (start,) = member.reconcile(place(held=True)).starts
    assert (start.space_name, start.user_profile_name, start.held, start.reason) == ("lab", None, True, "the tag ml:owner is not 'fraud-team'")


def test_the_domains_own_tag_goes_before_the_accounts(member: Member) -> None:
    member.domain().lists(["mina"], [])
    member.tagged({DOMAIN_ARN: OF_ACCOUNT | {"ml:owner": "lab"}, MINA: WHOLE | {"ml:owner": "lab"}}, DOMAIN_ARN, MINA)
    assert member.reconcile().starts == ()


def test_what_the_account_does_not_say_is_a_finding_and_starts_nothing(member: Member) -> None:
    member.domain().lists(["mina"], []).tagged({DOMAIN_ARN: {}, MINA: {"ml:user": "mina"}}, DOMAIN_ARN, MINA).confirmed(DOMAIN_ARN, {})
    looked = member.reconcile(place({}))
    assert looked.starts == ()
    assert [(finding.kind, finding.resource) for finding in looked.findings] == [("AccountTagMissing", ACCOUNT_ARN)] * 2


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
def test_a_profile_that_goes_meanwhile_is_nothing_to_do(member: Member, code: str) -> None:
    member.domain().lists(["mina"], []).tagged({}, DOMAIN_ARN, MINA)
    member.confirmed(DOMAIN_ARN, OF_ACCOUNT).refuses("list_tags", code).refuses("describe_user_profile", "ResourceNotFound")
    looked = member.reconcile()
    assert (looked.starts, looked.findings) == ((), ())


def test_tags_that_cannot_be_read_are_the_items_trouble(member: Member) -> None:
    member.domain().lists(["mina"], []).tagged({}, DOMAIN_ARN, MINA).refuses("list_tags", "AccessDeniedException")
    with pytest.raises(ClientError):
        member.reconcile()


def test_a_domain_of_ours_that_lacks_something_is_set_up(member: Member) -> None:
    """What was silent is asked for by itself: whether tags may be propagated depends on all of them."""
    ours = OF_ACCOUNT | {"steward:product": "studio"}
    member.domain(TagPropagation="DISABLED", DefaultUserSettings={"ExecutionRole": ROLE}).lists(["mina"], [])
    member.roles_may("allowed").tagged({DOMAIN_ARN: ours}, DOMAIN_ARN, MINA).confirmed(DOMAIN_ARN, ours).confirmed(MINA, WHOLE)
    (start,) = member.reconcile().starts
    assert (start.workflow, start.domain_id, start.resource, start.subject) == ("domain_setup", DOMAIN_ID, DOMAIN_ARN, (DOMAIN_ID,))
    assert start.reason == (
        "tag propagation is off; idle shutdown of JupyterLab by default is not set, to be ENABLED; "
        "the idle timeout of JupyterLab by default is not set, to be 120; and 6 more"
    )


def test_a_foreign_domain_is_a_finding_and_starts_nothing(member: Member) -> None:
    member.domain(DefaultUserSettings={}).lists([], []).tagged({}, DOMAIN_ARN).confirmed(DOMAIN_ARN, OF_ACCOUNT)
    looked = member.reconcile()
    assert (looked.starts, [finding.kind for finding in looked.findings]) == ((), ["ForeignDomainDiffers"])


def test_a_role_that_may_not_tag_is_asked_once_for_a_batch_and_is_a_finding(member: Member) -> None:
    look = Look(SETTINGS, Memory(member.dynamodb, "records"))
    member.domain(DefaultUserSettings=IN_ORDER | {"ExecutionRole": ROLE}).lists([], []).roles_may("implicitDeny")
    member.tagged({}, DOMAIN_ARN, remembered={f"use#{DOMAIN_ID}#default": ROLE}, principals=ROLE)
    member.confirmed(DOMAIN_ARN, OF_ACCOUNT)
    looked = look.at(place(), member)  # type: ignore[arg-type]
    assert [finding.kind for finding in looked.findings] == ["RolesMayNotTag"]


@pytest.mark.parametrize(
    ("remembered", "about"),
    [
        ({}, ((DOMAIN_ID,), "the execution role of the domain's users by default is not the one that is remembered")),
        (
            {f"use#{DOMAIN_ID}#default": ROLE, f"use#{DOMAIN_ID}#profile/gone": ROLE},
            ((DOMAIN_ID,), "the execution role of user profile gone is not the one that is remembered"),
        ),
        ({f"use#{DOMAIN_ID}#default": ROLE}, ((), "the execution roles in use are not those that the portfolio lets in")),
    ],
)
def test_roles_that_are_not_remembered_or_not_let_in_are_seen_to(
    member: Member, remembered: dict[str, str], about: tuple[tuple[str, ...], str]
) -> None:
    """For the domain where it is of the domain, else for its whole account and Region."""
    member.domain(DefaultUserSettings=IN_ORDER | {"ExecutionRole": ROLE}).lists([], []).roles_may("allowed")
    member.tagged({}, DOMAIN_ARN, remembered=remembered, principals="arn:aws:iam::444444444444:role/other").confirmed(DOMAIN_ARN, OF_ACCOUNT)
    (start,) = member.reconcile().starts
    assert (start.workflow, start.subject, start.reason) == ("template_enablement", *about)


def test_where_the_roles_in_use_are_let_in_nothing_is_to_be_started(member: Member) -> None:
    member.domain(DefaultUserSettings=IN_ORDER | {"ExecutionRole": ROLE}).lists([], []).roles_may("allowed")
    member.tagged({}, DOMAIN_ARN, remembered={f"use#{DOMAIN_ID}#default": ROLE, f"principal#{ROLE}": ""}, principals=ROLE)
    looked = member.reconcile()
    assert (looked.starts, looked.findings) == ((), ())


def test_where_the_portfolio_is_gone_and_roles_need_it_somebody_waits_for_it(member: Member) -> None:
    member.domain(DefaultUserSettings=IN_ORDER | {"ExecutionRole": ROLE}).lists([], []).roles_may("allowed")
    member.tagged({}, DOMAIN_ARN, remembered={f"use#{DOMAIN_ID}#default": ROLE}).confirmed(DOMAIN_ARN, OF_ACCOUNT)
    (start,) = member.reconcile().starts
    assert (start.workflow, start.subject) == ("template_enablement", ())
    assert start.reason == "project templates are enabled, and their portfolio is not there"


def test_a_service_role_that_templates_lack_is_a_finding_of_the_account(member: Member) -> None:
    """Trap 19."""
    member.domain().lists([], []).tagged({}, DOMAIN_ARN, service_roles=THERE[1:]).confirmed(DOMAIN_ARN, OF_ACCOUNT)
    looked = member.reconcile()
    assert (looked.starts, [(finding.kind, finding.resource) for finding in looked.findings]) == ((), [("ServiceRolesMissing", ACCOUNT_ARN)])
    assert THERE[0] in looked.findings[0].message


def test_a_role_that_cannot_read_our_own_templates_is_a_finding_and_is_asked_once(member: Member) -> None:
    location = "s3://templates/ours"
    look = Look(replace(SETTINGS, templates_location=location), Memory(member.dynamodb, "records", location))
    member.domain(DefaultUserSettings=IN_ORDER | {"ExecutionRole": ROLE}).lists([], []).roles_may("allowed")
    denied = [{"EvalActionName": "s3:GetObject", "EvalDecision": "implicitDeny"}]
    member.iam_script.add_response("simulate_principal_policy", {"EvaluationResults": denied, "IsTruncated": False})
    tags = OF_ACCOUNT | {LOCATION_TAG: location}
    there = missing_service_roles(frozenset(), templates_in_s3=True)
    member.tagged({DOMAIN_ARN: tags}, DOMAIN_ARN, remembered={f"use#{DOMAIN_ID}#default": ROLE}, principals=ROLE, service_roles=there)
    member.confirmed(DOMAIN_ARN, tags)
    looked = look.at(place(), member)  # type: ignore[arg-type]
    assert (looked.starts, [(finding.kind, finding.resource) for finding in looked.findings]) == ((), [("TemplatesNotReadable", ROLE)])


@pytest.mark.parametrize("status", ["Failed", "Delete_Failed"])
def test_a_domain_that_is_broken_is_a_finding_and_starts_nothing(member: Member, status: str) -> None:
    member.domain(status, DefaultUserSettings={}, FailureReason="no subnet").lists([], []).tagged({}, DOMAIN_ARN).confirmed(DOMAIN_ARN, OF_ACCOUNT)
    looked = member.reconcile()
    assert (looked.starts, [finding.kind for finding in looked.findings]) == ((), ["DomainFailed"])
    assert "no subnet" in looked.findings[0].message


@pytest.mark.parametrize(("held", "starts", "left"), [(False, ["ann"], 1), (True, ["ann", "cid"], 0)])
def test_of_very_many_that_lack_tags_those_that_there_is_no_time_to_ask_are_counted_or_where_a_brake_holds_believed(
    member: Member, monkeypatch: pytest.MonkeyPatch, held: bool, starts: list[str], left: int
) -> None:
    tags_of = step._tags

    def in_time(sagemaker: Any, domain_id: str, who: Any) -> Any:
        if who.name == "cid":
            raise OutOfTime("its batch took all the time there was")
        return tags_of(sagemaker, domain_id, who)

    monkeypatch.setattr(step, "_tags", in_time)
    member.domain().lists(["ann", "ben", "cid"], []).tagged({}, DOMAIN_ARN, *(MINA.replace("mina", name) for name in ("ann", "ben", "cid")))
    member.confirmed(DOMAIN_ARN, OF_ACCOUNT).confirmed(MINA.replace("mina", "ann"), {})
    member.confirmed(MINA.replace("mina", "ben"), WHOLE | {"ml:user": "ben"})
    looked = member.reconcile(place().model_copy(update={"held": held}))
    assert ([start.user_profile_name for start in looked.starts], looked.starts_left) == (starts, left)


def test_a_domain_that_is_being_updated_is_left_to_who_waits_for_it(member: Member) -> None:
    member.domain("Updating", DefaultUserSettings={}).lists([], []).tagged({}, DOMAIN_ARN)
    looked = member.reconcile()
    assert (looked.starts, looked.findings) == ((), ())


def test_a_domain_that_went_meanwhile_is_counted_and_no_trouble(member: Member) -> None:
    assert member.refuses("describe_domain", "ResourceNotFound").reconcile() == Looked({"domains_gone": 1})  # type: ignore[arg-type]
    assert member.domain("Deleting").reconcile() == Looked({"domains_gone": 1})  # type: ignore[arg-type]


def test_a_domain_of_unified_studio_is_left_alone(member: Member) -> None:
    unified = {"DomainSettings": {"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}}}
    assert member.domain(**unified).reconcile() == Looked({"domains_of_unified_studio": 1})  # type: ignore[arg-type]


def test_domains_of_a_place_are_found_and_those_that_are_only_remembered(member: Member) -> None:
    domains = [{"DomainId": DOMAIN_ID, "Status": "InService"}, {"DomainId": "d-going", "Status": "Deleting"}]
    member.script.add_response("list_domains", {"Domains": domains}, {"MaxResults": 100})
    where = Place(account_id=ACCOUNT_ID, account_arn=ACCOUNT_ARN, region="eu-west-1", account_tags={}, held=False)
    known = Records(known={(DOMAIN_ID, "default"): Use(ROLE), ("d-gone", "default"): Use(ROLE), ("d-gone", "profile/mina"): Use(None)})
    looked = find_domains(lambda *_: known, where, member)  # type: ignore[arg-type]
    assert looked.counts == {"places": 1, "domains": 1}
    assert looked.domains == (Found(account_id=ACCOUNT_ID, region="eu-west-1", domain_id=DOMAIN_ID),)
    assert [(start.workflow, start.subject) for start in looked.starts] == [("template_enablement", ("d-gone",))]


@pytest.mark.parametrize(
    ("known", "domain_ids", "about"),
    [
        ({}, [], [("template_enablement", ())]),
        ({}, [DOMAIN_ID], []),
        ({("d-gone", "default"): Use(ROLE)}, [], [("template_enablement", ("d-gone",))]),
    ],
)
def test_roles_that_we_associated_are_released_though_nothing_else_is_remembered(
    member: Member, known: dict[tuple[str, str], Use], domain_ids: list[str], about: list[Any]
) -> None:
    """As when a brake was pulled between what forgot a domain and what would have released its roles. Where there is a domain, that look does it."""
    domains = [{"DomainId": domain_id, "Status": "InService"} for domain_id in domain_ids]
    member.script.add_response("list_domains", {"Domains": domains}, {"MaxResults": 100})
    where = Place(account_id=ACCOUNT_ID, account_arn=ACCOUNT_ARN, region="eu-west-1", account_tags={}, held=False)
    looked = find_domains(lambda *_: Records(principals=frozenset({ROLE}), known=known), where, member)  # type: ignore[arg-type]
    assert [(start.workflow, start.subject) for start in looked.starts] == about


def test_found_domains_become_items_by_account_each_once(scripted: Any) -> None:
    s3, script = scripted.client("s3")

    def reads(key: str, document: Any) -> None:
        body = json.dumps(document).encode()
        script.add_response("get_object", {"Body": StreamingBody(BytesIO(body), len(body))}, {"Bucket": "results", "Key": key})

    def writes(key: str, document: Any) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        script.add_response("put_object", {}, {"Bucket": "results", "Key": key, "Body": body, "ContentType": "application/json"})

    places = [place().model_dump(mode="json") | {"account_id": account, "domain_id": None} for account in ("555555555555", ACCOUNT_ID)]
    found = [Found(account_id=account, region="eu-west-1", domain_id=name) for account, name in (("555555555555", "d-b"), (ACCOUNT_ID, "d-a"))]
    answers = [Answer(counts={"domains": 2}, domains=tuple(found)), Answer(domains=tuple(found[:1]))]
    reads("runs/run-1/places.json", places)
    reads("m", {"ResultFiles": {"SUCCEEDED": [{"Key": "s"}], "FAILED": [], "PENDING": []}})
    reads("s", [{"Status": "SUCCEEDED", "Input": "{}", "Output": answer.model_dump_json()} for answer in answers])
    items = [
        place().model_dump(mode="json") | {"account_id": account, "domain_id": name}
        for account, name in ((ACCOUNT_ID, "d-a"), ("555555555555", "d-b"))
    ]
    writes("runs/run-1/domains.json", items)
    writes("runs/run-1/places-gathered.json", Answer(counts={"domains": 2}, domains=tuple(found)).model_dump(mode="json"))
    request = GatherDomainsRequest(run="run-1", places_key="runs/run-1/places.json", manifest_key="m")
    assert gather_domains(request, GatherDomainsSettings("results"), s3) == {
        "domains": 2,
        "domains_key": "runs/run-1/domains.json",
        "gathered_key": "runs/run-1/places-gathered.json",
    }

"""The step DecideOnApps for one account and Region: what it reads, decides and tells."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws import tagging
from localaws.studio import behaviour
from steward.idle_evidence import FEW_SPACES
from steward.idle_sweeps import Action, Decided
from steward.rules.activity import NOTICE_TAG, time_text
from tests.unit.idle_world import ACCOUNT_ARN, HOUR, OURS, PLACE, POLICY, World

DISTRIBUTION = "arn:aws:sagemaker:eu-west-1:819792524951:image/sagemaker-distribution-cpu"
IDLE = {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MinIdleTimeoutInMinutes": 60, "MaxIdleTimeoutInMinutes": 480}
NATIVE = {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": IDLE}}}
KEPT = {"steward:keep-until": "2099-12-31"}
ROLE = "arn:aws:iam::444444444444:role/Studio"


@pytest.fixture
def domain_id(member: World) -> str:
    """A domain with a profile ``mina`` and her spaces ``lab`` and ``code``, all with tags of ours."""
    made = member.domain(OURS)
    member.profile(made, "mina", {**OURS, "ml:user": "mina@example.com"})
    member.spaces(made, "mina", "lab", "code", tags=OURS)
    return made


def verdicts(decided: Decided) -> dict[str, int]:
    return {name: decided.counts[name] for name in ("keep", "notice", "stop", "unknown") if decided.counts[name]}


def action(decided: Decided) -> Action:
    (only,) = decided.actions
    return only


def test_what_is_idle_becomes_an_action_that_says_why_and_whose_it_is(member: World, domain_id: str) -> None:
    member.lab(domain_id, "lab", member.idle(5 * HOUR), ResourceSpec={"InstanceType": "ml.t3.medium"})
    decided = member.decide()
    found = action(decided)
    assert (found.verdict, found.reason, found.instance_type, found.threshold_minutes) == ("Notice", "Idle", "ml.t3.medium", 120)
    assert (found.account_id, found.region, found.domain_id, found.app_type, found.app_name) == (*_here(), domain_id, "JupyterLab", "default")
    assert found.idle_since is not None
    assert abs(member.now - found.idle_since - 5 * HOUR) < timedelta(seconds=2)
    assert (decided.counts["places"], decided.counts["domains"], decided.counts["apps"], decided.counts["running"]) == (1, 1, 1, 1)
    assert (verdicts(decided), decided.reasons, decided.counts["idle_hours"]) == ({"notice": 1}, {"Notice: Idle": 1}, 5)
    assert [(one.account_id, one.owner, one.apps, round(one.idle_hours)) for one in decided.owners] == [(_here()[0], "mina@example.com", 1, 5)]


def _here() -> tuple[str, str]:
    return PLACE.account_id, PLACE.region


def test_trap_27_an_app_of_a_space_has_no_profile_and_one_of_a_profile_no_space(member: World, domain_id: str) -> None:
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    member.canvas(domain_id, "mina")
    member.unused(domain_id, "mina", 3 * HOUR)
    of_space, of_profile = member.decide().actions
    assert (of_space.space_name, of_space.user_profile_name, of_space.owner_profile_name) == ("lab", None, "mina")
    assert (of_profile.space_name, of_profile.user_profile_name, of_profile.owner_profile_name) == (None, "mina", "mina")
    assert of_space.owner == of_profile.owner == "mina@example.com"


def test_whose_a_shared_space_is_its_own_tag_says_before_the_profile_that_made_it(member: World, domain_id: str) -> None:
    member.spaces(domain_id, "mina", "ours", tags={"ml:user": "the lab"}, sharing="Shared")
    member.lab(domain_id, "ours", member.idle(5 * HOUR))
    assert action(member.decide()).owner == "the lab"


@pytest.mark.parametrize("segment", ["lower", "as given"])
def test_an_apps_tags_are_found_whichever_way_its_type_is_written(member: World, domain_id: str, segment: Any) -> None:
    behaviour(member.cloud).app_type_in_arn = segment
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    assert verdicts(member.decide()) == {"notice": 1}


def test_what_ended_is_counted_no_more_and_what_comes_or_goes_is_not_decided_on(member: World, domain_id: str) -> None:
    for status, space in (("Deleted", "lab"), ("Deleting", "code"), ("Failed", "third"), ("Pending", "fourth")):
        member.lab(domain_id, space, member.idle(5 * HOUR)).attributes["Status"] = status
    decided = member.decide()
    assert (decided.counts["apps"], decided.counts["running"], decided.actions, decided.reasons) == (3, 0, (), {})


def test_silence_is_unknown_and_stops_nothing(member: World, domain_id: str) -> None:
    member.lab(domain_id, "lab", OURS)
    member.lab(domain_id, "code", member.idle(5 * HOUR, seen=3 * HOUR))
    member.canvas(domain_id, "mina")
    decided = member.decide()
    assert (verdicts(decided), decided.actions) == ({"unknown": 3}, ())
    assert decided.reasons == {"Unknown: NeverReported": 1, "Unknown: ReportOutdated": 1, "Unknown: NoMetric": 1}


@pytest.mark.parametrize("kind", ["app", "space", "user-profile", "domain"])
def test_an_exception_on_whatever_the_app_belongs_to_keeps_it(member: World, domain_id: str, kind: str) -> None:
    app = member.lab(domain_id, "lab", member.idle(5 * HOUR))
    member.tag(_arn(kind, domain_id, app.arn), KEPT)
    decided = member.decide()
    assert (verdicts(decided), decided.reasons) == ({"keep": 1}, {"Keep: KeptUntil": 1})


def _arn(kind: str, domain_id: str, app_arn: str) -> str:
    paths = {"app": app_arn.split(":", 5)[5], "space": f"space/{domain_id}/lab", "user-profile": f"user-profile/{domain_id}/mina"}
    return ":".join([*app_arn.split(":", 5)[:5], paths.get(kind, f"domain/{domain_id}")])


def test_an_exception_that_cannot_be_read_is_a_finding_of_where_it_is(member: World, domain_id: str) -> None:
    app = member.lab(domain_id, "lab", member.idle(5 * HOUR))
    space = _arn("space", domain_id, app.arn)
    member.tag(space, {"steward:keep-until": "Christmas"})
    decided = member.decide()
    assert decided.reasons == {"Keep: KeepUntilUnreadable": 1}
    assert ("KeepUntilUnreadable", space) in [(finding.kind, finding.resource) for finding in decided.findings]
    assert decided.findings_by_kind["KeepUntilUnreadable"] == 1


def test_the_threshold_of_a_space_or_of_the_account_holds(member: World, domain_id: str) -> None:
    app = member.lab(domain_id, "lab", member.idle(5 * HOUR))
    account = PLACE.model_copy(update={"account_tags": {"steward:idle-minutes": "480"}})
    assert member.decide(place=account).reasons == {"Keep: UsedRecently": 1}
    member.tag(_arn("space", domain_id, app.arn), {"steward:idle-minutes": "60"})
    assert action(member.decide(place=account)).threshold_minutes == 60


def test_what_native_idle_shutdown_covers_is_left_to_it_by_image_and_by_whose_the_space_is(member: World) -> None:
    """Trap 23."""
    domain_id = member.domain(OURS, DefaultUserSettings=NATIVE, DefaultSpaceSettings={"ExecutionRole": ROLE})
    member.profile(domain_id, "mina", OURS)
    member.spaces(domain_id, "mina", "covered", "old", "own", tags=OURS)
    member.spaces(domain_id, "mina", "shared", tags=OURS, sharing="Shared")
    for space, spec in (
        ("covered", {"SageMakerImageArn": DISTRIBUTION, "SageMakerImageVersionAlias": "3.2.1"}),
        ("old", {"SageMakerImageArn": DISTRIBUTION, "SageMakerImageVersionAlias": "1.11"}),
        ("own", {"SageMakerImageArn": "arn:aws:sagemaker:eu-west-1:444444444444:image/ours", "SageMakerImageVersionAlias": "1.0"}),
        ("shared", {}),
    ):
        member.lab(domain_id, space, member.idle(5 * HOUR), ResourceSpec=spec)
    decided = member.decide()
    assert sorted(one.space_name or "" for one in decided.actions) == ["old", "shared"], "the defaults of shared spaces say nothing of it"
    assert decided.reasons == {"Keep: NativeIdleShutdown": 2, "Notice: Idle": 2}
    assert decided.findings_by_kind == {"NativeIdleShutdownUnsupported": 1, "NativeIdleShutdownOff": 1}


def test_apps_of_a_domain_of_unified_studio_are_kept_and_nothing_is_found_there(member: World) -> None:
    settings = {"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001", "StudioWebPortalAccess": "ENABLED"}}
    domain_id = member.domain(OURS, DomainSettings=settings)
    member.profile(domain_id, "mina", OURS)
    member.spaces(domain_id, "mina", "lab", tags=OURS)
    member.lab(domain_id, "lab", member.idle(50 * HOUR))
    decided = member.decide()
    assert (decided.reasons, decided.findings) == ({"Keep: UnifiedStudio": 1}, ())


def test_apps_of_training_plans_and_on_system_instances_are_kept(member: World, domain_id: str) -> None:
    plan = "arn:aws:sagemaker:eu-west-1:444444444444:training-plan/p5"
    member.lab(domain_id, "lab", member.idle(5 * HOUR), ResourceSpec={"TrainingPlanArn": plan, "InstanceType": "ml.p5.48xlarge"})
    system = {"UserProfileName": "mina", "AppType": "JupyterServer", "ResourceSpec": {"InstanceType": "system"}}
    member.app(domain_id, **system)
    member.app(domain_id, UserProfileName="domain-shared", AppType="RStudioServerPro")
    old = replace(POLICY, maximum_age_hours={"JupyterServer": 1})
    assert member.decide(old).reasons == {"Keep: TrainingPlan": 1, "Keep: SystemInstance": 1, "Keep: RStudioServerPro": 1}


def test_what_is_over_its_maximum_age_gets_a_notice_where_somebody_wants_that(member: World, domain_id: str) -> None:
    member.app(domain_id, UserProfileName="mina", AppType="KernelGateway", ResourceSpec={"InstanceType": "ml.g5.xlarge"})
    assert verdicts(member.decide()) == {"unknown": 1}
    decided = member.decide(replace(POLICY, maximum_age_hours={"KernelGateway": 12}))
    found = action(decided)
    assert (found.reason, found.user_profile_name, found.threshold_minutes) == ("OverMaximumAge", "mina", None)
    assert (found.idle_since, decided.counts["idle_hours"], decided.owners) == (None, 0, ()), "its age is no idleness, and nobody's idle hours"


def test_a_domain_that_went_meanwhile_takes_its_apps_with_it(member: World, domain_id: str) -> None:
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    with member.local.faults.fail("sagemaker:DescribeDomain", "ResourceNotFound"):
        decided = member.decide()
    assert (decided.counts["running"], decided.actions) == (0, ())


def test_a_place_that_cannot_be_read_whole_is_decided_on_not_at_all(member: World, domain_id: str) -> None:
    """Trap 31: its error is its own line (`look_at_each`), and nothing is decided without what keeps an app."""
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    with member.local.faults.fail("resourcegroupstaggingapi:GetResources", "AccessDeniedException"), pytest.raises(ClientError):
        member.decide()


# -- where GetResources is silent


def unknown_to_get_resources(member: World, *types: str) -> None:
    tagging.behaviour(member.cloud).unknown_types = frozenset(types)


def test_where_get_resources_knows_no_app_candidates_are_asked_and_it_is_found(member: World, domain_id: str) -> None:
    apps = [member.lab(domain_id, f"space-{number}", member.idle(5 * HOUR)) for number in range(5)]
    member.says(apps[0], None)
    unknown_to_get_resources(member, "sagemaker:app")
    with member.counted() as calls:
        decided = member.decide()
    assert verdicts(decided) == {"keep": 1, "notice": 4}
    assert decided.findings_by_kind["TagsOfAppsNotKnown"] == 1
    assert [finding.resource for finding in decided.findings if finding.kind == "TagsOfAppsNotKnown"] == [ACCOUNT_ARN]
    assert (calls["sagemaker:DescribeApp"], calls["sagemaker:ListTags"]) == (5, 5)


def test_of_many_candidates_some_are_asked_and_others_an_hour_later(member: World, domain_id: str) -> None:
    apps = [member.lab(domain_id, f"space-{number}") for number in range(50)]
    unknown_to_get_resources(member, "sagemaker:app")
    asked = list[set[str | None]]()
    for hours in range(3):
        for app in apps:
            member.says(app, (5 + hours) * HOUR)
        decided = member.decide()
        assert verdicts(decided) == {"notice": 20, "unknown": 30}
        asked.append({one.space_name for one in decided.actions})
        member.local.advance(3600)
    assert len(asked[0] | asked[1] | asked[2]) == 50


def test_a_notice_that_get_resources_does_not_know_leads_to_the_stop_it_is_for(member: World, domain_id: str) -> None:
    member.canvas(domain_id, "mina", {NOTICE_TAG: time_text(member.now - 3 * HOUR)})
    member.unused(domain_id, "mina", 8 * HOUR)
    unknown_to_get_resources(member, "sagemaker:app")
    assert action(member.decide()).verdict == "Stop"


def test_where_apps_have_no_tags_at_all_three_are_asked_and_silence_is_believed(member: World, domain_id: str) -> None:
    for number in range(30):
        member.lab(domain_id, f"space-{number}")
    with member.counted() as calls:
        decided = member.decide()
    assert (verdicts(decided), "TagsOfAppsNotKnown" in decided.findings_by_kind) == ({"unknown": 30}, False)
    assert (calls["sagemaker:DescribeApp"], calls["sagemaker:ListTags"]) == (3, 3)


def test_a_tag_that_nobody_can_read_is_handed_on_as_far_as_anybody_could(member: World, domain_id: str) -> None:
    """The longest that can be read is a report: it is handed on whole."""
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    member.tag(f"arn:aws:sagemaker:eu-west-1:444444444444:domain/{domain_id}", {"steward:idle-minutes": "9" * 256})
    tags = action(member.decide()).tags
    assert tags["domain"] == {"steward:idle-minutes": "9" * 64}
    assert tags["app"] == member.idle(5 * HOUR)


def test_a_candidate_that_goes_meanwhile_is_silent(member: World, domain_id: str) -> None:
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    member.lab(domain_id, "code", member.idle(5 * HOUR))
    unknown_to_get_resources(member, "sagemaker:app")
    with member.local.faults.fail("sagemaker:ListTags", "ValidationException", times=1):
        assert verdicts(member.decide()) == {"unknown": 1, "notice": 1}
    with member.local.faults.fail("sagemaker:ListTags", "AccessDeniedException", times=1), pytest.raises(ClientError):
        member.decide()


def test_what_get_resources_says_of_other_types_is_handed_on_and_of_what_it_does_not_know_nothing_is(member: World, domain_id: str) -> None:
    member.lab(domain_id, "lab", member.idle(5 * HOUR))
    assert action(member.decide()).tags.keys() == {"app", "space", "user profile", "domain"}
    unknown_to_get_resources(member, "sagemaker:space", "sagemaker:domain")
    assert action(member.decide()).tags.keys() == {"app", "user profile"}


# -- where there are many spaces


@pytest.fixture
def crowded(member: World, domain_id: str) -> str:
    """More spaces than a page has."""
    member.profile(domain_id, "Ada", {"ml:user": "ada@example.com"})
    member.spaces(domain_id, "mina", *(f"space-{number}" for number in range(FEW_SPACES)), tags=OURS)
    member.spaces(domain_id, "Ada", "Hers", tags=OURS)
    return domain_id


@pytest.mark.parametrize("kind", ["app", "space", "user-profile", "domain"])
@pytest.mark.parametrize(("space", "person"), [("lab", "mina"), ("Hers", "Ada")])
def test_among_many_spaces_too_an_exception_on_whatever_an_idle_app_belongs_to_keeps_it(
    member: World, crowded: str, kind: str, space: str, person: str
) -> None:
    app = member.lab(crowded, space, member.idle(5 * HOUR))
    assert action(member.decide()).owner == f"{person.lower()}@example.com"
    paths = {"app": app.arn.split(":", 5)[5], "space": f"space/{crowded}/{space}".lower(), "user-profile": f"user-profile/{crowded}/{person}".lower()}
    member.tag(":".join([*app.arn.split(":", 5)[:5], paths.get(kind, f"domain/{crowded}")]), KEPT)
    assert member.decide().reasons == {"Keep: KeptUntil": 1}


def test_among_many_spaces_names_in_arns_may_be_as_they_were_given(member: World, crowded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which case they have there AWS does not say; localaws writes them all small."""
    member.lab(crowded, "Hers", member.idle(5 * HOUR))
    monkeypatch.setattr("steward.idle_evidence.read_tags_of", lambda _, arns: {arn: KEPT for arn in arns if arn.endswith(f"/{crowded}/Hers")})
    assert member.decide().reasons == {"Keep: KeptUntil": 1}


def test_among_many_spaces_the_shortest_threshold_that_a_space_may_have_holds(member: World, crowded: str) -> None:
    """Nothing else says that it is idle already."""
    app = member.lab(crowded, "lab", member.idle(HOUR))
    assert member.decide().reasons == {"Keep: UsedRecently": 1}
    member.tag(_arn("space", crowded, app.arn), {"steward:idle-minutes": "60"})
    assert action(member.decide()).threshold_minutes == 60


def test_among_many_spaces_only_those_of_apps_that_are_idle_for_long_are_asked_for_their_tags(member: World, crowded: str) -> None:
    for number in range(90):
        member.lab(crowded, f"space-{number}", member.idle(timedelta(minutes=5)))
    with member.counted() as calls:
        assert verdicts(member.decide()) == {"keep": 90}
    assert calls["resourcegroupstaggingapi:GetResources"] == 1
    member.lab(crowded, "lab", member.idle(5 * HOUR))
    with member.counted() as calls:
        assert action(member.decide()).tags.keys() == {"app", "space", "user profile", "domain"}
    assert calls["resourcegroupstaggingapi:GetResources"] == 2


def test_among_many_spaces_all_are_asked_for_where_by_arn_it_would_take_more_than_a_call(member: World, crowded: str) -> None:
    for number in range(100):
        member.lab(crowded, f"space-{number}", member.idle(5 * HOUR))
    member.tag(f"arn:aws:sagemaker:eu-west-1:444444444444:space/{crowded}/space-99", KEPT)
    with member.counted() as calls:
        assert member.decide().reasons == {"Notice: Idle": 99, "Keep: KeptUntil": 1}
    assert calls["resourcegroupstaggingapi:GetResources"] == 2 + 2


def test_among_many_spaces_a_profile_that_is_found_under_no_spelling_is_asked_by_itself_before_the_stop(member: World, crowded: str) -> None:
    """That GetResources knows other profiles does not tell that this one has no tags."""
    member.spaces(crowded, "Ada", "strange", tags=OURS)
    app = member.lab(crowded, "strange", member.idle(8 * HOUR, noticed=3 * HOUR))
    member.lab(crowded, "lab", member.idle(8 * HOUR, noticed=3 * HOUR))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("steward.idle_evidence.read_tags_of", lambda _, arns: {arn: OURS for arn in arns if not arn.lower().endswith("/ada")})
        (found,) = (action for action in member.decide().actions if action.space_name == "strange")
    assert (found.verdict, set(found.tags)) == ("Stop", {"space", "domain"})
    member.tag(f"arn:aws:sagemaker:eu-west-1:444444444444:user-profile/{crowded}/ada", KEPT)
    assert (member.results([found]), app.status) == (["CalledOff"], "InService")


@pytest.mark.parametrize("silent", ["sagemaker:space", "sagemaker:user-profile"])
def test_among_many_spaces_what_get_resources_does_not_know_is_asked_by_itself_before_the_stop(member: World, crowded: str, silent: str) -> None:
    app = member.lab(crowded, "Hers", member.idle(8 * HOUR, noticed=3 * HOUR))
    unknown_to_get_resources(member, silent)
    actions = member.decide().actions
    path = f"space/{crowded}/hers" if silent == "sagemaker:space" else f"user-profile/{crowded}/ada"
    member.tag(":".join([*app.arn.split(":", 5)[:5], path]), KEPT)
    assert (member.results(actions), app.status) == (["CalledOff"], "InService")

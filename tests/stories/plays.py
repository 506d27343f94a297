"""Plays: what people do on the platform, by name, for whoever wants to see it done again and again: with faults, with fewer permissions, or measured.

A play asserts nothing and ends when nothing is due any more. What it should come to is said by a story, or by the same play without faults.
Where something has to be there first, and is a play of its own, a ``yield`` says that what the play is about begins now.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import isgeneratorfunction

from localaws import billing
from localaws.organization_file import Account
from localaws.studio import fail_next
from localaws.studio.core import behaviour
from tests.stories.isolation import leave_on
from tests.stories.people import FRAUD_TAGS, Platform

DAY = 24 * 3600

Acting = Callable[[Platform], Iterator[None] | None]


@dataclass(frozen=True)
class Play:
    """`workflow` is what it is about, and the only one that starts by itself, but for those `besides`. `acting` is what people do, on a platform of
    its own. `passing`: kinds of findings that hold for a while only.
    """

    name: str
    workflow: str
    acting: Acting
    besides: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()

    def act(self, platform: Platform) -> None:
        """All of it."""
        self.prepare(platform)()

    def prepare(self, platform: Platform) -> Callable[[], None]:
        """Do what has to be there first. Who calls what is returned does the rest."""
        leave_on(platform.local, self.workflow, *self.besides)
        if not isgeneratorfunction(self.acting):
            return lambda: _finish(self.acting(platform))
        steps = self.acting(platform)
        next(steps)
        return lambda: _finish(steps)


def _finish(steps: Iterator[None] | None) -> None:
    for _ in steps or ():
        raise TypeError("a play says once that it begins")


PLAYS: dict[str, Play] = {}


def play(workflow: str, *besides: str, passing: tuple[str, ...] = ()) -> Callable[[Acting], Acting]:
    """The function is a play of this workflow, by its own name; others are off while it is played, but for those `besides`."""

    def register(acting: Acting) -> Acting:
        PLAYS[acting.__name__] = Play(acting.__name__, workflow, acting, besides, passing)
        return acting

    return register


@play("profile_cost_tagging")
def a_profile_is_created(platform: Platform) -> None:
    platform.profile("fraud-dev")
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_is_created_in_another_region(platform: Platform) -> None:
    platform.profile("fraud-dev", region="us-east-1")
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_is_created_for_a_single_sign_on_user(platform: Platform) -> None:
    platform.profile("pricing-prod", "bob-1f3", sso_user="bob@example.com")
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_is_created_with_some_tags(platform: Platform) -> None:
    given = {"team": "blue", "ml:project": "fraud", "ml:owner": "somebody else"}
    platform.profile("fraud-dev", Tags=[{"Key": key, "Value": value} for key, value in given.items()])
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_has_its_tags_already(platform: Platform) -> None:
    platform.profile("fraud-dev", Tags=[{"Key": key, "Value": value} for key, value in FRAUD_TAGS.items()])
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_stays_pending_for_a_while(platform: Platform) -> None:
    behaviour(platform.local.cloud).seconds["UserProfile", "creation"] = 60
    platform.profile("fraud-dev")
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_cannot_be_created(platform: Platform) -> None:
    fail_next(platform.local.cloud, "UserProfile", "the execution role is not there")
    platform.profile("fraud-dev")
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_is_deleted_before_we_came(platform: Platform) -> None:
    behaviour(platform.local.cloud).seconds["UserProfile", "creation"] = 3
    domain = platform.profile("fraud-dev").split("/")[1]
    platform.local.advance(4)
    platform.client("sagemaker", "fraud-dev").delete_user_profile(DomainId=domain, UserProfileName="alice")
    platform.local.settle()


@play("profile_cost_tagging")
def an_account_has_no_tags(platform: Platform) -> None:
    platform.profile("newcomer-dev", "carol")
    platform.local.settle()


@play("profile_cost_tagging")
def an_account_was_vended_a_moment_ago_and_its_role_comes_later(platform: Platform) -> Iterator[None]:
    """StackSets plant our role some minutes after the first profile is there."""
    tags = {"ml:project": "fraud", "ml:cost-center": "R-4711", "ml:owner": "fraud-team"}
    platform.local.vend(Account("fraud-preprod", "888888888888", "ML/Dev", tags=tags))
    platform.local.settle()
    plant = platform.without_role("fraud-preprod", "profile_cost_tagging")
    yield
    platform.profile("fraud-preprod")
    platform.local.advance(250)
    plant()
    platform.local.settle()


@play("cost_key_activation", "profile_cost_tagging")
def billing_does_not_learn_of_our_keys(platform: Platform) -> Iterator[None]:
    """They are on nothing that costs something."""
    billing.behaviour(platform.local.cloud).learns_from = "costs"
    platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.local.advance(DAY)


@play("cost_key_activation", "profile_cost_tagging", passing=("CostKeyWaiting",))
def billing_learns_of_our_keys(platform: Platform) -> Iterator[None]:
    """The first morning they are not known, the second they are activated, the third there is nothing to do."""
    platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.local.advance(3 * DAY)


@play("cost_key_activation", "profile_cost_tagging", passing=("CostKeyWaiting",))
def billing_refuses_one_of_our_keys(platform: Platform) -> Iterator[None]:
    billing.behaviour(platform.local.cloud).refused["ml:owner"] = ("TagKeyNotAllowed", "not this one")
    platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.local.advance(2 * DAY)


@play("profile_cost_tagging")
def a_team_gets_its_profiles_all_at_once(platform: Platform) -> None:
    domain = platform.domain("fraud-dev")
    sagemaker = platform.client("sagemaker", "fraud-dev")
    for name in ("ann", "ben"):
        sagemaker.create_user_profile(DomainId=domain, UserProfileName=name)
    platform.local.settle()


@play("profile_cost_tagging")
def a_space_is_created_for_one(platform: Platform) -> Iterator[None]:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.space("fraud-dev", alice)
    platform.local.settle()


@play("profile_cost_tagging")
def a_space_is_created_for_several(platform: Platform) -> Iterator[None]:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.space("fraud-dev", alice, "forecast", "Shared")
    platform.local.settle()


@play("profile_cost_tagging")
def a_space_is_deleted_before_we_came(platform: Platform) -> Iterator[None]:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    yield
    behaviour(platform.local.cloud).seconds["Space", "creation"] = 3
    platform.space("fraud-dev", alice)
    platform.local.advance(4)
    platform.client("sagemaker", "fraud-dev").delete_space(DomainId=alice.split("/")[1], SpaceName="lab")
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_is_updated(platform: Platform) -> Iterator[None]:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    yield
    settings = {"SecurityGroups": ["sg-0a1b2c3d"]}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings=settings)
    platform.local.settle()


@play("profile_cost_tagging")
def somebody_changes_a_tag(platform: Platform) -> Iterator[None]:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.set_tags("fraud-dev", alice, {"ml:cost-center": "R-0001", "team": "blue"})
    platform.local.settle()


@play("profile_cost_tagging")
def somebody_removes_a_tag_of_a_space(platform: Platform) -> Iterator[None]:
    alice = platform.profile("fraud-dev")
    platform.local.settle()
    space = platform.space("fraud-dev", alice)
    platform.local.settle()
    yield
    platform.client("sagemaker", "fraud-dev").delete_tags(ResourceArn=space, TagKeys=["ml:user", "ml:owner"])
    platform.local.settle()


@play("profile_cost_tagging")
def a_domain_propagates_no_tags_and_says_another_cost_center(platform: Platform) -> None:
    domain = platform.domain("fraud-dev", TagPropagation="DISABLED", Tags=[{"Key": "ml:cost-center", "Value": "R-7777"}])
    platform.profile("fraud-dev", domain=domain)
    platform.local.settle()


@play("profile_cost_tagging")
def a_profile_has_hardly_room_for_tags(platform: Platform) -> None:
    given = {f"team-{number}": "x" for number in range(44)} | {"ml:owner": "somebody else"}
    platform.profile("fraud-dev", Tags=[{"Key": key, "Value": value} for key, value in given.items()])
    platform.local.settle()


@play("profile_cost_tagging")
def a_domain_belongs_to_unified_studio(platform: Platform) -> None:
    platform.profile("fraud-dev", domain=platform.domain("fraud-dev", DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}}))
    platform.local.settle()


@play("reconciliation")
def a_profile_lost_its_event(platform: Platform) -> Iterator[None]:
    """Nobody heard of it, until the morning; the morning after there is nothing to do."""
    platform.profile("fraud-dev")
    platform.local.settle()
    yield
    platform.local.advance(DAY)
    platform.local.settle()


@play("reconciliation")
def somebody_looks_into_one_account_by_hand(platform: Platform) -> Iterator[None]:
    """Its space has lost a tag; what all this is about in another account is not looked at."""
    alice = platform.profile("fraud-dev", Tags=[{"Key": key, "Value": value} for key, value in FRAUD_TAGS.items()])
    platform.local.settle()
    platform.space("fraud-dev", alice)
    platform.local.settle()
    yield
    platform.reconcile("fraud-dev")


@play("reconciliation")
def a_run_is_stopped_on_its_way_and_redriven(platform: Platform) -> Iterator[None]:
    platform.profile("fraud-dev")
    platform.local.settle()
    yield
    with platform.local.faults.time_out("*FindDomains*", lasting=600):
        arn = platform.begin_reconciliation("stopped")
        platform.local.advance(60)
        platform.client("stepfunctions", "hub").stop_execution(executionArn=arn)
        platform.local.settle()
    platform.client("stepfunctions", "hub").redrive_execution(executionArn=arn)
    platform.local.settle()


def _with_role(platform: Platform, role: str, name: str = "alice", domain: str | None = None) -> str:
    """A profile with a role of its own, and all that follows; its ARN."""
    profile = platform.profile("fraud-dev", name, domain=domain, UserSettings={"ExecutionRole": role})
    platform.local.settle()
    return profile


def _delete(platform: Platform, profile: str) -> None:
    _, domain, name = profile.split("/")
    platform.client("sagemaker", "fraud-dev").delete_user_profile(DomainId=domain, UserProfileName=name)
    platform.local.settle()


@play("template_enablement")
def a_profile_comes_with_a_role_where_templates_are_off(platform: Platform) -> None:
    _with_role(platform, platform.role("fraud-dev", "NewScientist"))


@play("template_enablement")
def a_profile_comes_with_a_new_role(platform: Platform) -> Iterator[None]:
    alice = _with_role(platform, platform.role("fraud-dev", "FirstScientist"))
    yield
    _with_role(platform, platform.role("fraud-dev", "SecondEngineer"), "bob", alice.split("/")[1])


@play("template_enablement")
def the_last_profile_with_a_role_goes(platform: Platform) -> Iterator[None]:
    alice = _with_role(platform, platform.role("fraud-dev", "LeavingScientist"))
    yield
    _delete(platform, alice)


@play("template_enablement")
def a_profile_comes_with_the_role_that_another_leaves(platform: Platform) -> Iterator[None]:
    scientist = platform.role("fraud-dev", "SharedScientist")
    alice = _with_role(platform, scientist)
    yield
    domain = alice.split("/")[1]
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.delete_user_profile(DomainId=domain, UserProfileName="alice")
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="bob", UserSettings={"ExecutionRole": scientist})
    platform.local.settle()


@play("template_enablement")
def a_profile_gets_another_role(platform: Platform) -> Iterator[None]:
    alice = _with_role(platform, platform.role("fraud-dev", "ChangingScientist"))
    engineer = platform.role("fraud-dev", "ChangedEngineer")
    yield
    settings = {"ExecutionRole": engineer}
    platform.client("sagemaker", "fraud-dev").update_user_profile(DomainId=alice.split("/")[1], UserProfileName="alice", UserSettings=settings)
    platform.local.settle()


@play("template_enablement")
def a_role_does_not_exist_and_a_service_role_is_missing(platform: Platform) -> Iterator[None]:
    iam = platform.client("iam", "fraud-dev")
    (policy,) = iam.list_attached_role_policies(RoleName=_SERVICE_ROLE)["AttachedPolicies"]
    iam.detach_role_policy(RoleName=_SERVICE_ROLE, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=_SERVICE_ROLE)
    yield
    _with_role(platform, "arn:aws:iam::444444444444:role/NeverMade")


_SERVICE_ROLE = "AmazonSageMakerServiceCatalogProductsGlueRole"


@play("template_enablement")
def a_domain_is_deleted(platform: Platform) -> Iterator[None]:
    alice = _with_role(platform, platform.role("fraud-dev", "LastScientist"))
    _delete(platform, alice)
    yield
    sagemaker = platform.client("sagemaker", "fraud-dev")
    sagemaker.delete_domain(DomainId=alice.split("/")[1], RetentionPolicy={"HomeEfsFileSystem": "Delete"})
    platform.local.settle()


@play("template_enablement")
def templates_of_our_own_are_told_to_a_domain(platform: Platform) -> Iterator[None]:
    platform.deploy(TemplatesLocation="s3://ml-templates/projects")
    domain = platform.domain("fraud-dev")
    yield
    given = {"account_id": "444444444444", "region": "eu-west-1", "domain_id": domain, "event_id": "by-hand", "event_time": "2026-11-23T09:00:00Z"}
    machine = platform.output("TemplateEnablementStateMachineArn")
    platform.client("stepfunctions", "hub").start_execution(stateMachineArn=machine, name="by-hand", input=json.dumps(given))
    platform.local.settle()


OURS = {"Key": "steward:product", "Value": "studio"}


def _domain_of_ours(platform: Platform, account: str = "fraud-dev") -> str:
    role = f"arn:aws:iam::{platform.local.organization.account(account).id}:role/StudioExecution"
    return platform.domain(account, TagPropagation="DISABLED", Tags=[OURS], DefaultSpaceSettings={"ExecutionRole": role})


@play("domain_setup")
def a_domain_of_ours_is_created(platform: Platform) -> None:
    _domain_of_ours(platform)


@play("domain_setup")
def a_foreign_domain_is_created(platform: Platform) -> None:
    platform.domain("fraud-dev", TagPropagation="DISABLED")


@play("domain_setup")
def somebody_sets_a_domain_back(platform: Platform) -> Iterator[None]:
    domain = _domain_of_ours(platform)
    yield
    platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, TagPropagation="DISABLED")
    platform.local.settle()


@play("domain_setup")
def an_account_gets_another_owner(platform: Platform) -> Iterator[None]:
    """Its domain has the one before as a copy of ours."""
    organizations = platform.client("organizations", "management")
    account = platform.local.organization.account("newcomer-dev").id
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "ml:owner", "Value": "the-first"}])
    domain = _domain_of_ours(platform, "newcomer-dev")
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "ml:owner", "Value": "the-second"}])
    yield
    platform.client("sagemaker", "newcomer-dev").update_domain(DomainId=domain, DefaultUserSettings={"SecurityGroups": ["sg-0a1b2c3d"]})
    platform.local.settle()


@play("domain_setup")
def profiles_and_spaces_break_the_idle_limits(platform: Platform) -> Iterator[None]:
    platform.deploy(IdleOverrides="correct")
    domain = _domain_of_ours(platform)

    def idle(**values: object) -> dict[str, object]:
        return {"JupyterLabAppSettings": {"AppLifecycleManagement": {"IdleSettings": values}}}

    alice = platform.profile("fraud-dev", domain=domain, UserSettings=idle(LifecycleManagement="DISABLED"))
    platform.local.settle()
    platform.space("fraud-dev", alice, SpaceSettings={"AppType": "JupyterLab", **idle(IdleTimeoutInMinutes=525600)})
    platform.local.settle()
    yield
    platform.client("sagemaker", "fraud-dev").update_domain(DomainId=domain, DefaultUserSettings={"SecurityGroups": ["sg-0a1b2c3d"]})
    platform.local.settle()


from tests.stories import plays_of_apps  # noqa: E402, F401  plays in a file of their own, which wants what is above

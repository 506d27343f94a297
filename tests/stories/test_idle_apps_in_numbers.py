"""Stories of many idle apps, and of accounts and Regions that say no: no sweep does more than it may, and what it could not do is a line each."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.stories.idle_apps import HOUR, NOTICE_TAG, App, begin_sweep, details, start_app, sweep
from tests.stories.people import FRAUD, NEWCOMER, PRICING, Platform
from tests.stories.test_idle_apps_of_all_types import BY_HAND, plant

pytestmark = pytest.mark.workflow("idle_app_shutdown")


def plant_many(platform: Platform, number: int, *, noticed: bool) -> list[App]:
    """So many spaces in one account and Region, each with an app that is idle for nine hours and some minutes, the last for the longest."""
    profile = platform.profile("fraud-dev", domain=platform.domain("fraud-dev"))
    platform.local.settle()
    spaces = [platform.space("fraud-dev", profile, f"space-{one}").split("/") for one in range(number)]
    platform.local.settle()
    apps = [plant(platform, domain, "JupyterLab", 9 + one / 60, SpaceName=space) for one, (_, domain, space) in enumerate(spaces)]
    if noticed:
        at = platform.local.clock.datetime() - timedelta(hours=3)
        for app in apps:
            platform.set_tags("fraud-dev", app.arn, {NOTICE_TAG: f"{at:%Y-%m-%dT%H:%M:%SZ}"})
    return apps


# -- caps


def test_no_more_than_the_percentage_is_stopped_those_idle_longest_first_and_it_is_red(platform: Platform) -> None:
    platform.deploy(IdleAppShutdown="stop", MostStopsPercent="25", **BY_HAND)
    apps = plant_many(platform, 24, noticed=True)
    run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "CapReached")
    assert "18 more apps are to be stopped than MostStopsPerSweep and MostStopsPercent allow for one run" in run["cause"]
    told = details(platform, run)
    assert (told["counts"]["results"], told["counts"]["left"], len(told["beyond_cap"])) == ({"Stopped": 6}, 18, 18)
    assert [app.status for app in apps] == ["InService"] * 18 + ["Deleted"] * 6


def test_of_more_than_sixty_in_an_account_and_region_the_rest_waits_for_the_next_run_and_it_says_so(platform: Platform) -> None:
    queue, announced = platform.watch_findings(), platform.watch_hub_bus()
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    apps = plant_many(platform, 63, noticed=False)
    run = sweep(platform)
    assert (run["status"], run["output"]["outcome"], run["output"]["counts"]["left"]) == ("SUCCEEDED", "Swept", 3)
    told = details(platform, run)
    assert (told["counts"]["results"], len(told["left"]), told["beyond_cap"]) == ({"Noticed": 60}, 3, [])
    run = sweep(platform, "the-next")
    assert (run["output"]["outcome"], run["output"]["counts"]["results"]) == ("Swept", {"Noticed": 3})
    assert None not in [app.notice for app in apps]
    assert [(message["noticed"], message["left"]) for message in platform.messages(queue)] == [(60, 3), (3, 0)]
    events = [event["detail"]["space_name"] for _ in range(7) for event in platform.messages(announced)]
    assert sorted(events) == sorted(app.name["SpaceName"] for app in apps), "ten at a time, each once"


def test_what_an_account_that_hardly_answers_leaves_no_time_for_is_for_the_next_run_and_not_red(platform: Platform) -> None:
    """Trap 41. Sixty stops are 180 calls, and this account answers one in two seconds: more than the function has. It is over in time all the same,
    and none is refused for good."""
    platform.deploy(IdleAppShutdown="stop", MostStopsPercent="100", **BY_HAND)
    apps = plant_many(platform, 60, noticed=True)
    limit, *_ = platform.local.faults.limit_accounts(0.5)
    with limit:
        run = sweep(platform)
    assert (run["status"], run["output"]["outcome"]) == ("SUCCEEDED", "Swept")
    results = run["output"]["counts"]["results"]
    assert results.keys() == {"Stopped", "Left"}
    assert (results["Left"], results["Stopped"] + results["Left"]) == (run["output"]["counts"]["left"], 60)
    assert results["Stopped"] > 15
    assert sum(app.status == "InService" for app in apps) == results["Left"]
    assert (run["stopDate"] - run["startDate"]).total_seconds() < 2 * 280, "no function was cut off and tried again"


# -- what a run costs


def test_a_run_costs_what_its_page_says(platform: Platform) -> None:
    """Here 3 accounts and 2 Regions, in one of these two apps, of which one is noticed."""
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    domain = platform.domain("fraud-dev")
    left = plant(platform, domain, "JupyterLab", SpaceName="left")
    plant(platform, domain, "JupyterLab", 0.5, SpaceName="works")
    before = len(platform.local.cloud.log.calls)
    run = sweep(platform)
    assert (run["output"]["counts"]["results"], left.notice is None) == ({"Noticed": 1}, False)
    made = [call for call in platform.local.cloud.log.calls[before:] if ":assumed-role/" in call["principal"]]
    by_members = Counter(call["action"] for call in made if ":assumed-role/idle_app_shutdown/" in call["principal"])
    by_functions = Counter(call["action"] for call in made if "Function" in call["principal"])
    by_machine = Counter(call["action"] for call in made if "StateMachineRole" in call["principal"])
    looked = {"sagemaker:ListApps": 3 * 2, "resourcegroupstaggingapi:GetResources": 1, "sagemaker:ListSpaces": 1, "sagemaker:DescribeDomain": 1}
    assert by_members.total() <= sum(looked.values()) + 4
    assert {action: by_members[action] for action in looked} == looked
    assert by_functions["sts:AssumeRole"] == 3 + 1, "each account in the one batch of the first Map, and one in the second"
    assert by_functions["organizations:ListTagsForResource"] == 3
    assert by_functions["s3:PutObject"] + by_functions["s3:GetObject"] == 12
    assert (by_machine["events:PutEvents"], by_machine["sns:Publish"]) == (1, 1)
    assert len(platform.states_entered(run)) == 13


def test_whose_many_spaces_are_is_remembered_from_run_to_run(platform: Platform) -> None:
    """More than a page of them: the first run lists all, the second those that are new, and both know whose each is."""
    platform.deploy(IdleAppShutdown="report", **BY_HAND)
    plant_many(platform, 101, noticed=False)
    platform.local.advance(1.5 * HOUR)
    for name, pages, objects in (("first", 2, 9 + 2), ("second", 1, 9 + 1)):
        before = len(platform.local.cloud.log.calls)
        run = sweep(platform, name)
        made = [call for call in platform.local.cloud.log.calls[before:] if ":assumed-role/" in call["principal"]]
        calls = Counter(call["action"] for call in made if "StateMachineRole" not in call["principal"])
        assert (calls["sagemaker:ListSpaces"], calls["s3:PutObject"] + calls["s3:GetObject"]) == (pages, objects)
        assert {one["owner"] for one in details(platform, run)["held"]} == {"alice"}


# -- accounts and Regions that say no


def idle_in(platform: Platform, account: str, user: str, region: str | None = None) -> App:
    return start_app(platform, account, user, region=region).lives()


def troubles(platform: Platform, run: dict[str, str]) -> list[tuple[str, str, str]]:
    lines = details(platform, run)["troubles"]
    assert all(line["what_to_do"] for line in lines)
    return [(line["account_id"], line["region"], line["error"]) for line in lines]


def test_a_region_that_is_disabled_is_a_red_line_and_the_other_region_is_done(platform: Platform) -> None:
    """Traps 31 and 51."""
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    idle_in(platform, "fraud-dev", "alice")
    there = idle_in(platform, "fraud-dev", "alice", "us-east-1")
    platform.local.advance(2.5 * HOUR)
    with platform.local.faults.fail("sagemaker:ListApps", "UnrecognizedClientException", region="eu-west-1", account=FRAUD, lasting=HOUR):
        run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    assert troubles(platform, run) == [(FRAUD, "eu-west-1", "UnrecognizedClientException")]
    assert "RegionsInUse" in details(platform, run)["troubles"][0]["what_to_do"]
    assert details(platform, run)["counts"]["results"] == {"Noticed": 1}
    assert NOTICE_TAG in platform.tags("fraud-dev", there.arn)


def test_an_account_that_denies_a_call_or_throttles_to_the_end_is_a_line_and_the_others_are_done(platform: Platform) -> None:
    """Traps 31 and 32: of an account that cannot be read whole nothing is decided."""
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    denied, throttled, fine = (
        idle_in(platform, account, user) for account, user in (("fraud-dev", "alice"), ("pricing-prod", "bob"), ("newcomer-dev", "carol"))
    )
    platform.local.advance(2.5 * HOUR)
    faults = platform.local.faults
    with (
        faults.fail("sagemaker:ListSpaces", "AccessDeniedException", account=FRAUD, principal="*idle_app_shutdown*", lasting=HOUR),
        faults.fail("resourcegroupstaggingapi:GetResources", account=PRICING, lasting=HOUR),
    ):
        run = sweep(platform)
    assert (run["status"], run["error"]) == ("FAILED", "SomeAccountsFailed")
    assert [line[:2] for line in troubles(platform, run)] == [(FRAUD, "eu-west-1"), (PRICING, "eu-west-1")]
    assert [app.notice is None for app in (denied, throttled, fine)] == [True, True, False]
    run = sweep(platform, "the-next")
    assert (run["output"]["outcome"], run["output"]["counts"]["results"]) == ("Swept", {"Noticed": 2})


def test_an_account_that_is_suspended_is_named_and_not_entered(platform: Platform) -> None:
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    idle_in(platform, "newcomer-dev", "carol")
    app = idle_in(platform, "fraud-dev", "alice")
    platform.local.advance(2.5 * HOUR)
    platform.client("organizations", "management").close_account(AccountId=NEWCOMER)
    platform.local.settle()
    before = len(platform.calls("sagemaker:ListApps"))
    run = sweep(platform)
    counts = run["output"]["counts"]
    assert (run["output"]["outcome"], counts["accounts"], counts["accounts_not_active"], counts["results"]) == ("Swept", 2, 1, {"Noticed": 1})
    assert details(platform, run)["accounts_not_active"] == [NEWCOMER]
    assert NEWCOMER not in {call["account"] for call in platform.calls("sagemaker:ListApps")[before:]}
    assert app.notice is not None


# -- the schedule


def test_a_sweep_is_skipped_while_the_one_before_goes_on(platform: Platform) -> None:
    with platform.local.faults.fail("organizations:ListAccountsForParent", lasting=120):
        begin_sweep(platform, "before")
        platform.local.advance(1)
        platform.take_in('{"workflow": "idle_app_shutdown", "schedule": {"name": "sweep", "time": "2026-11-02T09:00:00Z"}}')
    assert [run["name"] for run in platform.executions("idle_app_shutdown")] == ["before"]

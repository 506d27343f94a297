"""Plays of idle_app_shutdown: people start apps, leave them, come back."""

from collections.abc import Iterator

from localaws import tagging
from tests.stories.idle_apps import DAY, HOUR, begin_sweep, ended, start_app
from tests.stories.people import Platform
from tests.stories.plays import play


@play("idle_app_shutdown")
def somebody_leaves_an_app_and_somebody_works_on(platform: Platform) -> Iterator[None]:
    """Who left is noticed and stopped; who works on does so for longer than any sweep may be late."""
    platform.deploy(IdleAppShutdown="stop")
    yield
    start_app(platform).lives()
    start_app(platform, "pricing-prod", "bob").lives(used_for=DAY)
    platform.local.advance(6 * HOUR)
    platform.local.settle()


@play("idle_app_shutdown")
def somebody_leaves_canvas(platform: Platform) -> Iterator[None]:
    platform.deploy(IdleAppShutdown="stop")
    start_app(platform, "pricing-prod", "carol", "Canvas").lives()
    platform.local.advance(1.5 * HOUR)
    yield
    platform.local.advance(5 * HOUR)
    platform.local.settle()


@play("idle_app_shutdown")
def somebody_comes_back_after_a_notice(platform: Platform) -> Iterator[None]:
    platform.deploy(IdleAppShutdown="stop")
    app = start_app(platform).lives(used_for=-2 * HOUR)
    platform.local.advance(2.5 * HOUR)
    yield
    app.works(9 * HOUR)
    platform.local.advance(HOUR)
    platform.local.settle()


@play("idle_app_shutdown")
def idle_apps_are_only_reported(platform: Platform) -> Iterator[None]:
    platform.deploy(IdleAppShutdown="report")
    start_app(platform).lives()
    platform.local.advance(3 * HOUR)
    yield
    platform.local.advance(HOUR)
    platform.local.settle()


@play("idle_app_shutdown")
def the_tagging_api_knows_nothing_of_studio(platform: Platform) -> Iterator[None]:
    platform.deploy(IdleAppShutdown="stop")
    tagging.behaviour(platform.local.cloud).unknown_types = frozenset(tagging.TYPES)
    start_app(platform).lives()
    platform.local.advance(1.5 * HOUR)
    yield
    platform.local.advance(5 * HOUR)
    tagging.behaviour(platform.local.cloud).unknown_types = frozenset()
    platform.local.settle()


@play("idle_app_shutdown")
def somebody_sweeps_one_account_by_hand_and_is_cut_off(platform: Platform) -> Iterator[None]:
    """While it acts, unless something else has ended it before that. Redriven, it goes on."""
    platform.deploy(IdleAppShutdown="stop")
    start_app(platform).lives()
    platform.local.advance(2.5 * HOUR)
    yield
    states, before = platform.client("stepfunctions", "hub"), _children_that_act(platform)
    arn = begin_sweep(platform, "cut-off", account_id=platform.local.organization.account("fraud-dev").id)
    while ended(platform, arn)["status"] == "RUNNING":
        if _children_that_act(platform) > before:
            states.stop_execution(executionArn=arn)
        platform.local.advance(0.05)
    platform.local.settle()
    if ended(platform, arn)["status"] != "SUCCEEDED":
        states.redrive_execution(executionArn=arn)
        platform.local.settle()


def _children_that_act(platform: Platform) -> int:
    """Those of ActOnApps alone are Standard."""
    return sum(":express:" not in entry["arn"] for entry in platform.local.cloud.log.executions if "map_run" in entry)

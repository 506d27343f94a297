"""Stories of every type of Studio app: what says of each that it is idle, and which are never stopped, whatever is said of them."""

from datetime import timedelta
from typing import Any

import pytest

from localaws.studio.planting import RSTUDIO_OWNER, plant_app
from tests.stories.idle_apps import ACTIVITY_TAG, DAY, HOUR, App, details, last, start_another, start_app, sweep
from tests.stories.people import FRAUD, PRICING, Platform

pytestmark = pytest.mark.workflow("idle_app_shutdown")

BY_HAND = {"IdleAppShutdownSchedule": "cron(0 0 1 1 ? *)"}
"""No schedule: sweeps are begun by hand."""


def plant(platform: Platform, domain: str, app_type: str, idle_hours: float | None = 9, days: float = 3, **more: Any) -> App:
    """An app that runs for days, and by its tag has been idle for so long; None: it has no tag. What it belongs to need not be there for a notice."""
    now = platform.local.clock.datetime()
    name = {"DomainId": domain, "AppType": app_type, "AppName": "default", **more}
    spec = name.pop("ResourceSpec", {"InstanceType": "ml.t3.medium"})
    made = plant_app(platform.local.cloud, FRAUD, "eu-west-1", created=now - timedelta(days=days), **name, ResourceSpec=spec)
    app = App(platform, "fraud-dev", None, name, made.arn)
    if idle_hours is not None:
        words = f"idle since={now - timedelta(hours=idle_hours):%Y-%m-%dT%H:%M:%SZ} seen={now:%Y-%m-%dT%H:%M:%SZ}"
        platform.set_tags("fraud-dev", made.arn, {ACTIVITY_TAG: words})
    return app


def told_of(platform: Platform, queue: str) -> list[tuple[str, str, str]]:
    """Each event, with the app's type and whose it is."""
    events = [(event["detail-type"], event["detail"]) for event in platform.messages(queue)]
    return [(kind, detail["app_type"], detail.get("space_name") or detail["user_profile_name"]) for kind, detail in events]


def test_code_editor_and_canvas_are_noticed_and_stopped_each_as_what_it_is(platform: Platform) -> None:
    """Trap 27: an app of Code Editor is its space's, one of Canvas its user profile's. Of Canvas CloudWatch says how long it is unused,
    and what somebody writes on it as if it had a reporter says nothing."""
    announced = platform.watch_hub_bus()
    platform.deploy(IdleAppShutdown="stop")
    editor, canvas = start_app(platform, app_type="CodeEditor").lives(), start_app(platform, "pricing-prod", "carol", "Canvas").lives()
    platform.set_tags("pricing-prod", canvas.arn, {ACTIVITY_TAG: "active for ever"})
    platform.local.advance(6 * HOUR)
    assert (editor.status, canvas.status) == ("Deleted", "Deleted")
    (noticed, stopped) = (run for run in platform.executions("idle_app_shutdown") if "ActOnApps" in platform.states_entered(run))
    assert details(platform, noticed)["counts"]["results"] == {"Noticed": 2}
    assert details(platform, stopped)["counts"]["reasons"] == {"Stop: Idle": 2}
    whose = {"CodeEditor": editor.name["SpaceName"], "Canvas": "carol"}
    assert sorted(told_of(platform, announced)) == sorted(
        (f"Idle App {done}", kind, of) for done in ("Noticed", "Stopped") for kind, of in whose.items()
    )
    assert {call["account"] for call in platform.calls("cloudwatch:GetMetricData")} == {PRICING}, "who has no Canvas app is not asked for its metric"


def test_types_that_say_nothing_are_unknown_and_with_a_maximum_age_they_have_their_notice_first(platform: Platform) -> None:
    """Off by default. What is stopped for its age alone claims to have saved nothing."""
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    domain = platform.domain("fraud-dev")
    platform.profile("fraud-dev", domain=domain)
    platform.local.settle()
    kernel = plant(platform, domain, "KernelGateway", None, days=4, UserProfileName="alice")
    run = sweep(platform)
    assert (run["output"]["counts"]["reasons"], kernel.notice) == ({"Unknown: NotJudged": 1}, None)
    platform.deploy(IdleAppShutdown="stop", MaximumAgeHoursByAppType="KernelGateway=72", **BY_HAND)
    assert sweep(platform, "noticing")["output"]["counts"]["results"] == {"Noticed": 1}
    platform.local.advance(HOUR)
    assert sweep(platform, "waiting")["output"]["counts"]["reasons"] == {"Keep: InGrace": 1}
    platform.local.advance(1.1 * HOUR)
    counts = sweep(platform, "stopping")["output"]["counts"]
    assert (counts["reasons"], counts["results"], counts["hours_saved"]) == ({"Stop: OverMaximumAge": 1}, {"Stopped": 1}, 0)
    platform.local.settle()
    assert kernel.status == "Deleted"


NEVER = {
    "RStudioServerPro": ("RStudioServerPro", {"UserProfileName": RSTUDIO_OWNER, "ResourceSpec": {"InstanceType": "system"}}),
    "SystemInstance": ("JupyterServer", {"UserProfileName": "bob", "ResourceSpec": {"InstanceType": "system"}}),
    "TrainingPlan": (
        "JupyterLab",
        {
            "SpaceName": "planned",
            "ResourceSpec": {"InstanceType": "ml.p5.48xlarge", "TrainingPlanArn": f"arn:aws:sagemaker:eu-west-1:{FRAUD}:training-plan/gpu"},
        },
    ),
    "TooYoung": ("JupyterLab", {"SpaceName": "young", "days": 0.03}),
}


def test_what_is_never_stopped_is_kept_and_named_however_idle_it_says_it_is(platform: Platform) -> None:
    """Trap 29 among them. Beside them one that is as idle, and is stopped."""
    platform.deploy(IdleAppShutdown="stop", MaximumAgeHoursByAppType="JupyterServer=1", **BY_HAND)
    domain = platform.domain("fraud-dev")
    unified = platform.domain("fraud-dev", DomainSettings={"UnifiedStudioSettings": {"DomainId": "dzd_4fraud0000001"}})
    kept = [plant(platform, domain, app_type, **more) for app_type, more in NEVER.values()]
    kept.append(plant(platform, unified, "JupyterLab", SpaceName="theirs"))
    idle = plant(platform, domain, "JupyterLab", SpaceName="left")
    run = sweep(platform)
    assert run["output"]["counts"]["reasons"] == {"Notice: Idle": 1, **{f"Keep: {reason}": 1 for reason in (*NEVER, "UnifiedStudio")}}
    assert [app.notice for app in kept] == [None] * len(kept)
    assert idle.notice is not None
    assert not platform.calls("sagemaker:DeleteApp")


@pytest.mark.parametrize("where", ["app", "space", "user profile", "domain"])
def test_an_exception_on_app_space_profile_or_domain_keeps_what_was_noticed(platform: Platform, where: str) -> None:
    platform.deploy(IdleAppShutdown="stop")
    app = start_app(platform).lives()
    platform.local.advance(3.5 * HOUR)
    assert app.notice is not None
    of_domain = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:{{}}/{app.name['DomainId']}"
    arns = {
        "app": app.arn,
        "space": f"{of_domain.format('space')}/{app.name['SpaceName']}",
        "user profile": f"{of_domain.format('user-profile')}/alice",
        "domain": of_domain.format("domain"),
    }
    platform.set_tags("fraud-dev", arns[where], {"steward:keep-until": "2026-11-02"})
    platform.local.advance(4 * HOUR)
    assert (app.status, last(platform)["output"]["counts"]["reasons"]) == ("InService", {"Keep: KeptUntil": 1})
    platform.local.advance(DAY)
    assert app.status == "Deleted", "that day is over"


IDLE_SHUTDOWN = {
    "AppLifecycleManagement": {"IdleSettings": {"LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 120, "MaxIdleTimeoutInMinutes": 480}}
}
"""Without a minimum: nothing asks for one."""


def test_what_sagemaker_stops_by_itself_is_left_to_it_until_it_is_seen_not_to(platform: Platform) -> None:
    """Trap 23: an open kernel holds SageMaker's own idle shutdown off. Then the reporter's word counts, and somebody hears of it."""
    platform.deploy(IdleAppShutdown="stop", **BY_HAND)
    settings = {"ExecutionRole": f"arn:aws:iam::{FRAUD}:role/StudioExecution", "JupyterLabAppSettings": IDLE_SHUTDOWN}
    domain = platform.domain("fraud-dev", DefaultUserSettings=settings)
    plant(platform, domain, "JupyterLab", 5, SpaceName="left-to-it")
    outlasts = plant(platform, domain, "JupyterLab", 10, SpaceName="outlasts")
    old = plant(
        platform, domain, "JupyterLab", 5, SpaceName="old", ResourceSpec={"InstanceType": "ml.t3.medium", "SageMakerImageVersionAlias": "1.9.0"}
    )
    off = plant(platform, domain, "CodeEditor", 5, SpaceName="off")
    counts = sweep(platform)["output"]["counts"]
    assert counts["reasons"] == {"Keep: NativeIdleShutdown": 1, "Notice: Idle": 3}
    assert None not in [outlasts.notice, old.notice, off.notice]
    assert counts["findings"] == {"NativeIdleShutdownNotEffective": 1, "NativeIdleShutdownUnsupported": 1, "NativeIdleShutdownOff": 1}


def test_quiet_hours_go_by_the_clocks_of_the_teams(platform: Platform) -> None:
    """Morning in New York, five hours behind in November: until 13:30 in UTC nobody is noticed."""
    platform.deploy(IdleAppShutdown="stop", QuietHours="00:00-08:30", QuietHoursTimeZone="America/New_York")
    app = start_app(platform).lives()
    platform.local.advance(5.2 * HOUR)
    assert (app.notice, last(platform)["output"]["counts"]["reasons"]) == (None, {"Keep: QuietHours": 1})
    platform.local.advance(HOUR)
    assert app.notice is not None


def test_thresholds_are_of_each_type_and_the_closest_tag_says_otherwise_within_bounds(platform: Platform) -> None:
    platform.deploy(IdleAppShutdown="stop", IdleMinutesByAppType="JupyterLab=60,CodeEditor=240", **BY_HAND)
    lab = start_app(platform)
    profile = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:user-profile/{lab.name['DomainId']}/alice"
    editor, canvas = start_another(platform, "fraud-dev", profile, "CodeEditor"), start_another(platform, "fraud-dev", profile, "Canvas")
    longer = start_another(platform, "fraud-dev", profile)
    space = f"arn:aws:sagemaker:eu-west-1:{FRAUD}:space/{longer.name['DomainId']}/{longer.name['SpaceName']}"
    platform.set_tags("fraud-dev", profile, {"steward:idle-minutes": "120"})
    platform.set_tags("fraud-dev", space, {"steward:idle-minutes": "9999"})
    for app in (lab, editor, canvas, longer):
        app.lives()
    platform.local.advance(2.2 * HOUR)
    counts = sweep(platform)["output"]["counts"]
    assert counts["reasons"] == {"Notice: Idle": 2, "Keep: UsedRecently": 1, "Unknown: NotJudged": 1}, (
        "the profile's two hours hold for lab and editor"
    )
    assert (None in (lab.notice, editor.notice), longer.notice, canvas.notice) == (False, None, None)
    assert counts["findings"]["IdleMinutesOutOfBounds"] == 1

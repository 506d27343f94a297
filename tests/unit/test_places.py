"""The places that a sweep looks into: which accounts are looked into, and what is written down for the Map."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from steward.places import PlacesRequest, list_places
from steward.settings import Brakes, ListAccountsSettings

ML, DEV, SANDBOX = "ou-root-ml000000", "ou-root-dev00000", "ou-root-sandbox0"
FRAUD, OTHER = "444444444444", "555555555555"
ARN = "arn:aws:organizations::111111111111:account/o-steward0001/"


def settings(acting: str = "all") -> ListAccountsSettings:
    return ListAccountsSettings(
        ml_unit_ids=frozenset({ML}),
        regions=("eu-west-1", "us-east-1"),
        account_tag_keys=("ml:project", "ml:owner"),
        bucket="results",
        brakes=Brakes(dry_run=False, stop_all_writes=False, acting_unit_ids=frozenset({acting})),
    )


class Scene:
    """Organizations and S3, one call after the other."""

    def __init__(self, scripted: Any):
        self.organizations, self.script = scripted.client("organizations")
        self.s3, self.bucket = scripted.client("s3")

    def unit(self, *accounts: tuple[str, str]) -> None:
        self.script.add_response("list_parents", {"Parents": [{"Id": "r-root", "Type": "ROOT"}]}, {"ChildId": ML})
        listed = [{"Id": account_id, "Arn": ARN + account_id, "State": state} for account_id, state in accounts]
        self.script.add_response("list_accounts_for_parent", {"Accounts": listed}, {"ParentId": ML})
        self.script.add_response("list_organizational_units_for_parent", {"OrganizationalUnits": []}, {"ParentId": ML})

    def described(self, state: str, unit: str) -> None:
        answer = {"Account": {"Id": FRAUD, "Arn": ARN + FRAUD, "State": state, "Paths": [f"o-steward0001/r-root/{unit}/{FRAUD}/"]}}
        self.script.add_response("describe_account", answer, {"AccountId": FRAUD})

    def tags(self, account_id: str, **tags: str) -> None:
        listed = [{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]
        self.script.add_response("list_tags_for_resource", {"Tags": listed}, {"ResourceId": account_id})

    def writes(self, *places: dict[str, Any]) -> None:
        body = json.dumps(list(places), ensure_ascii=False).encode()
        asked = {"Bucket": "results", "Key": "runs/run-1/places.json", "Body": body, "ContentType": "application/json"}
        self.bucket.add_response("put_object", {}, asked)

    def play(self, account_id: str | None = None, acting: str = "all") -> dict[str, Any]:
        return list_places(PlacesRequest(run="run-1", account_id=account_id), settings(acting), self.organizations, self.s3)


@pytest.fixture
def scene(scripted: Any) -> Scene:
    return Scene(scripted)


def place(account_id: str, region: str, tags: dict[str, str], *, held: bool = False) -> dict[str, Any]:
    return {"account_id": account_id, "account_arn": ARN + account_id, "region": region, "account_tags": tags, "held": held, "domain_id": None}


def answer(outcome: str, accounts: int, places: int, *not_active: str) -> dict[str, Any]:
    named = {"not_active": len(not_active), "not_active_accounts": list(not_active)}
    return {"outcome": outcome, "accounts": accounts, **named, "places": places, "places_key": "runs/run-1/places.json"}


def test_every_active_account_is_looked_into_in_every_region_with_its_tags_of_our_keys(scene: Scene) -> None:
    """Trap 51."""
    scene.unit((FRAUD, "ACTIVE"), (OTHER, "ACTIVE"), ("666666666666", "SUSPENDED"))
    scene.tags(FRAUD, ml_project="fraud", team="blue")
    scene.tags(OTHER)
    of_fraud = {"ml:project": "fraud"}
    scene.writes(*(place(account, region, tags) for account, tags in ((FRAUD, of_fraud), (OTHER, {})) for region in ("eu-west-1", "us-east-1")))
    assert scene.play() == answer("NothingToDo", 2, 4, "666666666666")


def test_accounts_outside_of_the_ring_are_looked_into_and_held(scene: Scene) -> None:
    scene.unit((FRAUD, "ACTIVE"))
    scene.tags(FRAUD)
    scene.writes(*(place(FRAUD, region, {}, held=True) for region in ("eu-west-1", "us-east-1")))
    assert scene.play(acting=DEV)["places"] == 2


def test_by_hand_it_is_the_one_account_and_no_other_is_asked_for(scene: Scene) -> None:
    scene.described("ACTIVE", ML)
    scene.tags(FRAUD)
    scene.writes(*(place(FRAUD, region, {}) for region in ("eu-west-1", "us-east-1")))
    assert scene.play(FRAUD) == answer("NothingToDo", 1, 2)


def test_by_hand_an_account_outside_of_the_ml_units_is_an_outcome(scene: Scene) -> None:
    scene.described("ACTIVE", SANDBOX)
    scene.writes()
    assert scene.play(FRAUD) == answer("AccountOutOfScope", 0, 0)


def test_by_hand_an_account_of_nobody_is_an_outcome(scene: Scene) -> None:
    scene.script.add_client_error("describe_account", "AccountNotFoundException")
    scene.writes()
    assert scene.play(FRAUD) == answer("AccountOutOfScope", 0, 0)


def test_by_hand_a_suspended_account_is_an_outcome(scene: Scene) -> None:
    scene.described("SUSPENDED", ML)
    scene.writes()
    assert scene.play(FRAUD) == answer("AccountNotActive", 0, 0, FRAUD)


def test_what_is_no_account_is_refused() -> None:
    with pytest.raises(ValidationError):
        PlacesRequest(run="run-1", account_id="fraud-dev")

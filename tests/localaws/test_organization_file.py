"""The file that describes an organization: what is read from it, and what a wrong one says."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from localaws import organization as org
from localaws import organization_file as file
from localaws.organization import Organization
from localaws.organization_file import Account
from tests.localaws.organizations_machinery import FILE, FRAUD_DEV, FRAUD_PROD, HUB, MANAGEMENT, STRANGER, load


@pytest.fixture
def organization(tmp_path: Path) -> Organization:
    return load(tmp_path)


def test_a_file_is_read_without_touching_aws(organization: Organization, tmp_path: Path) -> None:
    assert (organization.home_region, organization.regions, organization.units) == (
        "eu-west-1",
        ("eu-west-1", "us-east-1"),
        ("Infrastructure", "ML", "ML/Dev"),
    )
    assert organization.account("fraud-dev") == Account("fraud-dev", FRAUD_DEV, "ML/Dev", {"ml:project": "fraud", "ml:stage": "dev"})
    assert organization.account_of(HUB).delegated == ("stacksets", "servicecatalog")
    assert organization.management_id == MANAGEMENT
    assert organization.is_member(MANAGEMENT)
    assert organization.is_member(FRAUD_DEV)
    assert not organization.is_member(STRANGER)
    (stack,) = organization.stacks
    assert stack.template == tmp_path / "../template.yaml"
    assert stack.parameters == {"MachineLearningUnit": "${unit:ML}"}
    with pytest.raises(org.OrganizationNotCreated, match="create"):
        _ = organization.root_id


def test_a_name_that_is_not_there_says_which_are(organization: Organization) -> None:
    with pytest.raises(file.UnknownAccount, match="fraud-dev"):
        organization.account("fraud-test")
    with pytest.raises(file.UnknownAccount, match=STRANGER):
        organization.account_of(STRANGER)
    with pytest.raises(file.UnknownUnit, match="ML/Dev"):
        organization.unit_id("Dev")


def change(path: str, value: Any) -> Callable[[Any], None]:
    """Set what `path` leads to, as in ``accounts.3.id``."""

    def apply(document: Any) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps:
            document = document[step]
        document[last] = value

    return apply


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (change("unit", ["ML"]), file.UnknownKey, "unit means nothing here"),
        (change("accounts.3.tag", {}), file.UnknownKey, "account fraud-dev: tag"),
        (change("stacks.0.params", {}), file.UnknownKey, "stack studio-steward: params"),
        (lambda document: document.pop("regions"), file.MissingKey, "regions"),
        (lambda document: document["accounts"][3].pop("id"), file.MissingKey, "account fraud-dev: give it id"),
        (change("home_region", "eu-central-1"), file.UnknownRegion, "home_region: eu-central-1"),
        (change("stacks.0.region", "eu-central-1"), file.UnknownRegion, "eu-central-1"),
        (change("stacks.0.account", "shared"), file.UnknownAccount, "shared"),
        (change("accounts.3.unit", "Dev"), file.UnknownUnit, "account fraud-dev: unit: Dev"),
        (change("units", ["Infrastructure", "ML/Dev", "ML"]), file.UnknownUnit, "list ML before it"),
        (change("units", ["Infrastructure", "ML", "ML/Dev", "ML/"]), file.BadName, "ML/Dev"),
        (change("units", ["Infrastructure", "ML", "ML/Dev", "ML"]), file.DuplicateName, "ML"),
        (change("accounts.3.name", "fraud-prod"), file.DuplicateName, "name fraud-prod"),
        (change("accounts.3.id", FRAUD_PROD), file.DuplicateName, "id 555555555555"),
        (change("accounts.3.id", 444444444444), file.BadAccountId, "in quotes"),
        (change("accounts.3.id", "4444"), file.BadAccountId, "twelve digits"),
        (change("accounts.3.name", "fraud dev"), file.BadName, "AWS profile"),
        (change("accounts.3.management", True), file.ManagementAccount, "management, fraud-dev"),
        (lambda document: document["accounts"].pop(0), file.ManagementAccount, "exactly one"),
        (change("accounts.0.delegated", ["stacksets"]), file.ManagementAccount, "leave `delegated` out"),
        (change("accounts.1.delegated", ["guardduty"]), file.UnknownDelegation, "stacksets, servicecatalog"),
        (change("accounts.3.tags", {"ml:cost-center": 4711}), file.WrongShape, "quotes"),
        (change("accounts.3.management", "yes"), file.WrongShape, "true or false"),
        (change("accounts", {}), file.WrongShape, "write a list"),
        (change("accounts.3", "fraud-dev"), file.WrongShape, "keys and values"),
        (change("stacks.0.parameters", {"DryRun": True}), file.WrongShape, "quotes"),
        (lambda document: document["stacks"].append(document["stacks"][0]), file.DuplicateName, "studio-steward"),
    ],
)
def test_a_wrong_file_says_what_to_do(wrong: Callable[[Any], None], error: type[file.InvalidOrganization], says: str, tmp_path: Path) -> None:
    document = copy.deepcopy(yaml.safe_load(FILE))
    Organization.read(document, tmp_path)
    wrong(document)
    with pytest.raises(error, match=says):
        Organization.read(document, tmp_path)

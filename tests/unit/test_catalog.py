"""The portfolio of SageMaker's templates, page by page, and what is asked of IAM."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from steward.resources.catalog import (
    Portfolio,
    Principals,
    associate_role,
    enable_templates,
    find_portfolio,
    principals_of,
    release_role,
    templates_are_enabled,
)
from steward.resources.roles import not_allowed, service_role_names

ARN = "arn:aws:catalog:eu-west-1:999999999999:portfolio/port-abc"
READER = "arn:aws:iam::444444444444:role/Reader"
PORTFOLIO = Portfolio(ARN)


def test_trap_18_the_portfolio_is_found_by_its_provider_on_whatever_page(scripted: Any) -> None:
    catalog, script = scripted.client("servicecatalog")
    others = [{"ARN": f"{ARN}{number}", "ProviderName": "Platform", "DisplayName": "Amazon SageMaker Solutions"} for number in range(3)]
    asked = {"PortfolioShareType": "IMPORTED", "PageSize": 100}
    script.add_response("list_accepted_portfolio_shares", {"PortfolioDetails": others, "NextPageToken": "2"}, asked)
    found = {"ARN": ARN, "ProviderName": "Amazon SageMaker", "DisplayName": "whatever it is called this year"}
    script.add_response("list_accepted_portfolio_shares", {"PortfolioDetails": [found]}, {**asked, "PageToken": "2"})
    assert find_portfolio(catalog) == PORTFOLIO
    assert PORTFOLIO.portfolio_id == "port-abc"


@pytest.mark.parametrize("answer", [{}, {"PortfolioDetails": []}, {"PortfolioDetails": [{"ARN": ARN}]}])
def test_a_portfolio_that_is_not_there_is_none(scripted: Any, answer: Any) -> None:
    catalog, script = scripted.client("servicecatalog")
    script.add_response("list_accepted_portfolio_shares", answer)
    assert find_portfolio(catalog) is None


def test_principals_are_counted_over_all_pages_and_roles_are_those_of_type_iam(scripted: Any) -> None:
    catalog, script = scripted.client("servicecatalog")
    asked = {"PortfolioId": "port-abc", "PageSize": 20}
    first = [{"PrincipalARN": f"{READER}{number}", "PrincipalType": "IAM"} for number in range(20)]
    script.add_response("list_principals_for_portfolio", {"Principals": first, "NextPageToken": "2"}, asked)
    second = [{"PrincipalARN": READER, "PrincipalType": "IAM"}, {"PrincipalARN": "arn:aws:iam:::role/Reader*", "PrincipalType": "IAM_PATTERN"}]
    script.add_response("list_principals_for_portfolio", {"Principals": second}, {**asked, "PageToken": "2"})
    assert principals_of(catalog, PORTFOLIO) == Principals(frozenset({READER, *(each["PrincipalARN"] for each in first)}), 22)


def test_roles_are_associated_and_released_as_roles_and_not_as_patterns(scripted: Any) -> None:
    catalog, script = scripted.client("servicecatalog")
    given = {"PortfolioId": "port-abc", "PrincipalARN": READER, "PrincipalType": "IAM"}
    script.add_response("associate_principal_with_portfolio", {}, given)
    script.add_response("disassociate_principal_from_portfolio", {}, given)
    associate_role(catalog, PORTFOLIO, READER)
    release_role(catalog, PORTFOLIO, READER)


@pytest.mark.parametrize(("answer", "enabled"), [({"Status": "Enabled"}, True), ({"Status": "Disabled"}, False), ({}, False)])
def test_whether_templates_are_enabled_is_asked_and_they_are_enabled(scripted: Any, answer: Any, enabled: bool) -> None:
    sagemaker, script = scripted.client("sagemaker")
    script.add_response("get_sagemaker_servicecatalog_portfolio_status", answer, {})
    script.add_response("enable_sagemaker_servicecatalog_portfolio", {}, {})
    assert templates_are_enabled(sagemaker) is enabled
    enable_templates(sagemaker)


def test_service_roles_are_listed_under_their_path_over_all_pages(scripted: Any) -> None:
    iam, script = scripted.client("iam")

    def page(name: str, **more: Any) -> dict[str, Any]:
        role = {"Path": "/service-role/", "RoleName": name, "RoleId": "AROA0000000000000001", "Arn": READER, "CreateDate": "2026-11-23T09:00:00Z"}
        return {"Roles": [role], **more}

    asked = {"PathPrefix": "/service-role/", "MaxItems": 1000}
    script.add_response("list_roles", page("Launch", IsTruncated=True, Marker="2"), asked)
    script.add_response("list_roles", page("Use", IsTruncated=False), {**asked, "Marker": "2"})
    assert service_role_names(iam) == {"Launch", "Use"}


def test_what_a_role_may_not_do_is_named_and_a_role_that_is_not_there_is_an_error(scripted: Any) -> None:
    iam, script = scripted.client("iam")
    asked = {
        "PolicySourceArn": READER,
        "ActionNames": ["s3:GetObject", "s3:GetObjectTagging"],
        "ResourceArns": ["arn:aws:s3:::b/*"],
        "ContextEntries": [{"ContextKeyName": "aws:TagKeys", "ContextKeyValues": ["a", "b"], "ContextKeyType": "stringList"}],
    }
    results = [
        {"EvalActionName": "s3:GetObject", "EvalDecision": "allowed"},
        {"EvalActionName": "s3:GetObjectTagging", "EvalDecision": "explicitDeny"},
    ]
    script.add_response("simulate_principal_policy", {"EvaluationResults": results}, asked)
    assert not_allowed(iam, READER, ["s3:GetObject", "s3:GetObjectTagging"], "arn:aws:s3:::b/*", {"aws:TagKeys": ["a", "b"]}) == (
        "s3:GetObjectTagging",
    )
    script.add_client_error("simulate_principal_policy", "NoSuchEntity")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        not_allowed(iam, READER, ["s3:GetObject"], "arn:aws:s3:::b/*")

"""What people of the organization do, and see, in more than one chapter: with boto3, as anybody would."""

import json
import time
from typing import Any

from demo.report import Report

_MAY = ("s3:GetObject", "s3:PutObject", "sagemaker:*")
"""What an execution role may do: enough for Studio to put tags on what is made in it."""


def account_id(report: Report, account: str) -> str:
    return str(report.stage.client("sts", account).get_caller_identity()["Account"])


def execution_role(report: Report, account: str, name: str) -> str:
    """A new role that Studio's apps and jobs run as; its ARN."""
    iam = report.stage.client("iam", account)
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"])
    iam.put_role_policy(RoleName=name, PolicyName="studio", PolicyDocument=_policy({"Effect": "Allow", "Action": _MAY, "Resource": "*"}))
    return arn


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def domain(report: Report, account: str, role: str, name: str, **more: Any) -> str:
    """A new domain, with nothing but what it must have unless `more` says so, waited for; its id."""
    sagemaker = report.stage.client("sagemaker", account)
    domain_id = sagemaker.create_domain(
        DomainName=name,
        SubnetIds=["subnet-0a1b2c3d"],
        VpcId="vpc-0a1b2c3d",
        DefaultUserSettings={"ExecutionRole": role},
        **{"AuthMode": "IAM", **more},
    )["DomainArn"].rsplit("/", 1)[1]
    for _ in range(100):
        if sagemaker.describe_domain(DomainId=domain_id)["Status"] == "InService":
            break
        time.sleep(0.1)
    return str(domain_id)


def tags(report: Report, account: str, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in report.stage.client("sagemaker", account).list_tags(ResourceArn=arn)["Tags"]}


def expect_tags(report: Report, account: str, arn: str, wanted: dict[str, str]) -> None:
    """Say which tags a thing of Studio has; a complaint if they are others."""
    found = tags(report, account, arn)
    print(f"       {arn.rsplit('/', 1)[1]}: {', '.join(f'{key}={value}' for key, value in sorted(found.items())) or 'no tags'}")
    report.expect(found == wanted, f"{arn} carries {found}, not {wanted}")


def unit_id(report: Report, *path: str) -> str:
    """The id of an organizational unit, by the names of the units from the root down."""
    organizations = report.stage.client("organizations", "hub")
    found = str(organizations.list_roots()["Roots"][0]["Id"])
    for name in path:
        units = organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=found)
        (found,) = [unit["Id"] for page in units for unit in page["OrganizationalUnits"] if unit["Name"] == name]
    return found


def domain_id(report: Report, account: str, name: str) -> str:
    pages = report.stage.client("sagemaker", account).get_paginator("list_domains").paginate()
    (found,) = [domain["DomainId"] for page in pages for domain in page["Domains"] if domain["DomainName"] == name]
    return str(found)

"""Templates: what one says is what is made, and what it cannot have is named before anything is made."""

import json
import re

import pytest
from botocore.exceptions import ClientError

from localaws.cloud import Refused
from localaws.local import LocalOrganization
from tests.localaws.stacks_machinery import QUEUES, create, described, failures, outputs, resources, update

# -- what a template may not have


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {Tags: !Ref Nowhere}}}", r"Unresolved resource dependencies \[Nowhere\]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub 'a-${Nowhere}'}}}", r"Unresolved resource dependencies \[Nowhere\]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt Nowhere.Arn}}}", "undefined resource Nowhere"),
        ("Resources: {A: {Type: AWS::SQS::Queue, DependsOn: Nowhere}}", r"Unresolved resource dependencies \[Nowhere\]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Condition: Nowhere}}", "Unresolved condition dependency Nowhere"),
        ("Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: !Ref Nowhere}}", r"Unresolved resource dependencies \[Nowhere\]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !If [Nowhere, a, b]}}}", "the condition Nowhere"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !FindInMap [Nowhere, a, b]}}}", "the mapping Nowhere"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Surprise: 1}}", "Invalid template resource property 'Surprise'"),
        ("Surprise: 1\nResources: {A: {Type: AWS::SQS::Queue}}", r"Invalid template property or properties \['Surprise'\]"),
        ("Resources: {A: {Type: AWS::SQS::Queue}, A: {Type: AWS::SNS::Topic}}", "the key 'A' stands twice"),
        ("Resources: {}", "At least one Resources member must be defined"),
        (
            "Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, DependsOn: A}}",
            r"Circular dependency between resources: \[[AB], [AB]\]",
        ),
        (
            "Conditions: {Never: !Equals [a, b]}\n"
            "Resources: {A: {Type: AWS::SQS::Queue, Condition: Never}, B: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt A.QueueName}}}",
            r"Unresolved resource dependencies \[A\] in Resources.B",
        ),
    ],
)
def test_a_name_that_points_nowhere_is_an_error_that_says_so(local: LocalOrganization, template: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        create(local, template)
    assert local.client("cloudformation", "hub").describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("Resources: {A: {Type: AWS::Redshift::Cluster}}", "AWS::Redshift::Cluster: localaws has no handler"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {Surprise: 1}}}", "does not know the property Surprise of AWS::SQS::Queue"),
        ("Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: !GetAtt A.Surprise}}", "does not know the attribute Surprise"),
        ("Resources: {A: {Type: AWS::SQS::Queue, CreationPolicy: {}}}", "does not evaluate CreationPolicy"),
        ("Resources: {A: {Type: AWS::SQS::Queue, DeletionPolicy: Snapshot}}", "does not know DeletionPolicy Snapshot"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue x}}}", "the function Fn::ImportValue"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: '{{resolve:ssm:x}}'}}}", "the dynamic reference"),
        ("Resources: {A: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: x, Export: {Name: y}}}", "Outputs.O.Export"),
        ("Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>'}}\nResources: {A: {Type: AWS::SQS::Queue}}", "AWS::SSM::Parameter"),
        ("Transform: AWS::LanguageExtensions\nResources: {A: {Type: AWS::SQS::Queue}}", "the transform AWS::LanguageExtensions"),
        ("Hooks: {}\nResources: {A: {Type: AWS::SQS::Queue}}", "the template section Hooks"),
    ],
)
def test_what_localaws_cannot_do_is_refused_by_its_name_before_anything_is_made(local: LocalOrganization, template: str, message: str) -> None:
    with pytest.raises(Refused, match=re.escape(message)):
        create(local, template, **({"P": "x"} if "Parameters" in template else {}))
    assert local.client("cloudformation", "hub").describe_stacks()["Stacks"] == []


def test_a_member_that_the_api_does_not_have_fails_its_resource(local: LocalOrganization) -> None:
    template = """
    Resources:
      Rule:
        Type: AWS::Events::Rule
        Properties: {EventPattern: {source: [a]}, Targets: [{Id: t, Arn: "arn:aws:sqs:eu-west-1:222222222222:q", Surprise: 1}]}
    """
    stack = create(local, template)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Encountered unsupported property Targets[0].Surprise" in failures(local)["Rule"]
    assert local.client("events", "hub").list_rules()["Rules"] == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Seconds": "x"}, "'Seconds' must be a number"),
        ({"Seconds": "43201"}, "'Seconds' failed to satisfy constraint"),
        ({"WithDlq": "maybe"}, "'WithDlq' must be one of AllowedValues"),
        ({"Surprise": "x"}, r"Parameters: \[Surprise\] do not exist in the template"),
    ],
)
def test_parameters_are_what_was_declared(local: LocalOrganization, parameters: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        create(local, QUEUES, **parameters)


def test_a_parameter_without_a_value_is_asked_for(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match=r"Parameters: \[P\] must have values"):
        create(local, "Parameters: {P: {Type: String}}\nResources: {A: {Type: AWS::SQS::Queue}}")


RULES = """
Parameters:
  Stage: {Type: String}
  Zones: {Type: CommaDelimitedList, Default: "a,b"}
Rules:
  Commercial:
    Assertions:
      - {Assert: !Equals [!Ref AWS::Partition, %s], AssertDescription: commercial partition only}
  ProdHasZones:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - {Assert: !Not [!Contains [!Ref Zones, c]], AssertDescription: zone c is closed}
      - {Assert: !EachMemberIn [!Ref Zones, [a, b, c]]}
Resources: {A: {Type: AWS::SQS::Queue}}
"""


def test_rules_are_evaluated_before_anything_is_made(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match="Rule Commercial failed: commercial partition only"):
        create(local, RULES % "aws-cn", Stage="dev")
    with pytest.raises(ClientError, match="Rule ProdHasZones failed: zone c is closed"):
        create(local, RULES % "aws", Stage="prod", Zones="a,c")
    with pytest.raises(ClientError, match="Rule ProdHasZones failed: an assertion"):
        create(local, RULES % "aws", Stage="prod", Zones="a,x")
    assert create(local, RULES % "aws", Stage="dev", Zones="a,c")["StackStatus"] == "CREATE_COMPLETE"


def test_a_rule_function_that_nobody_evaluates_is_refused(local: LocalOrganization) -> None:
    template = "Rules: {R: {Assertions: [{Assert: {'Fn::RefAll': x}}]}}\nResources: {A: {Type: AWS::SQS::Queue}}"
    with pytest.raises(Refused, match="Fn::RefAll"):
        create(local, template)


def test_iam_resources_and_macros_have_to_be_acknowledged(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    role = "Resources: {Role: {Type: AWS::IAM::Role, Properties: {%s AssumeRolePolicyDocument: {Statement: []}}}}"
    with pytest.raises(ClientError, match=r"\[CAPABILITY_IAM\]"):
        client.create_stack(StackName="app", TemplateBody=role % "")
    with pytest.raises(ClientError, match=r"\[CAPABILITY_NAMED_IAM\]"):
        client.create_stack(StackName="app", TemplateBody=role % "RoleName: named,", Capabilities=["CAPABILITY_IAM"])
    with pytest.raises(ClientError, match=r"\[CAPABILITY_AUTO_EXPAND\]"):
        client.create_stack(StackName="app", TemplateBody="Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::SQS::Queue}}")


# -- functions of a template


FUNCTIONS = """
Mappings: {Sizes: {eu-west-1: {small: "1"}, us-east-1: {small: "2"}}}
Resources: {Queue: {Type: AWS::SQS::Queue}}
Outputs:
  Joined: {Value: !Join ["-", [a, !Ref AWS::AccountId, 7, true]]}
  Selected: {Value: !Select [1, !Split [",", "x,y,z"]]}
  Mapped: {Value: !FindInMap [Sizes, !Ref AWS::Region, small]}
  Substituted: {Value: !Sub ["${Word} ${!Literal} ${Queue.QueueName}", {Word: !Base64 hi}]}
  Dated: {Value: 2012-10-17}
"""


def test_functions_come_to_what_aws_documents(local: LocalOrganization) -> None:
    told = outputs(create(local, FUNCTIONS))
    queue = resources(local)["Queue"].rsplit("/", 1)[1]
    assert told == {
        "Joined": "a-222222222222-7-true",
        "Selected": "y",
        "Mapped": "1",
        "Substituted": f"aGk= ${{Literal}} {queue}",
        "Dated": "2012-10-17",
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("!Select [5, [a]]", "Fn::Select cannot select nonexistent value at index 5"),
        ("!FindInMap [Sizes, nowhere, small]", "Unable to get mapping for Sizes::nowhere::small"),
        ("{Ref: Queue, Beside: 1}", "Ref must stand alone"),
    ],
)
def test_a_function_that_comes_to_nothing_is_an_error(local: LocalOrganization, value: str, message: str) -> None:
    template = "Mappings: {Sizes: {a: {small: '1'}}}\nResources: {Queue: {Type: AWS::SQS::Queue}}\nOutputs: {O: {Value: %s}}"
    try:
        reason = create(local, template % value)["StackStatusReason"]
    except ClientError as error:
        reason = str(error)
    assert message in reason


# -- SAM


MACHINE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition:
        QueryLanguage: JSONata
        StartAt: Done
        States: {Done: {Type: Succeed, Output: {"queue": "${QueueUrl}"}}}
      DefinitionSubstitutions: %s
      Role: arn:aws:iam::222222222222:role/machine
  Queue: {Type: AWS::SQS::Queue}
Outputs: {Arn: {Value: !Ref Machine}}
"""


@pytest.mark.usefixtures("machine_role")
def test_placeholders_of_a_definition_are_substituted(local: LocalOrganization) -> None:
    arn = outputs(create(local, MACHINE % "{QueueUrl: !Ref Queue}"))["Arn"]
    definition = json.loads(local.client("stepfunctions", "hub").describe_state_machine(stateMachineArn=arn)["definition"])
    assert definition["States"]["Done"]["Output"] == {"queue": resources(local)["Queue"]}


def test_a_placeholder_without_a_substitution_fails_the_stack(local: LocalOrganization) -> None:
    stack = create(local, MACHINE % "{}")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "the definition has ${QueueUrl}, and DefinitionSubstitutions has no QueueUrl" in failures(local)["Machine"]


def test_a_substitution_without_a_placeholder_is_refused(local: LocalOrganization) -> None:
    with pytest.raises(Refused, match="DefinitionSubstitutions has Other, and the definition has no"):
        create(local, MACHINE % "{QueueUrl: !Ref Queue, Other: x}")
    assert described(local)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert resources(local) == {}


def test_a_property_that_sam_does_not_know_is_named(local: LocalOrganization) -> None:
    with pytest.raises(ClientError, match=r"Machine.*property Surprise"):
        create(local, MACHINE.replace("Role:", "Surprise: 1\n      Role:") % "{QueueUrl: !Ref Queue}")


def test_an_inline_function_has_its_settings_and_goes_with_its_stack(local: LocalOrganization) -> None:
    template = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Function:
        Type: AWS::Serverless::Function
        Properties:
          InlineCode: "def handler(event, context): return 1"
          Handler: index.handler
          Runtime: python3.13
          Timeout: %s
          Environment: {Variables: {STAGE: !Ref AWS::StackName}}
    """
    create(local, template % 5)
    name, client = resources(local)["Function"], local.client("lambda", "hub")
    settings = client.get_function_configuration(FunctionName=name)
    assert (settings["Timeout"], settings["Environment"]["Variables"]) == (5, {"STAGE": "app"})
    update(local, template % 9)
    assert client.get_function_configuration(FunctionName=name)["Timeout"] == 9
    role = resources(local)["FunctionRole"]
    local.client("cloudformation", "hub").delete_stack(StackName="app")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_function_configuration(FunctionName=name)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        local.client("iam", "hub").get_role(RoleName=role)


@pytest.mark.usefixtures("machine_role")
def test_templates_are_read_without_being_deployed(local: LocalOrganization) -> None:
    client = local.client("cloudformation", "hub")
    told = client.get_template_summary(TemplateBody=MACHINE % "{}")
    assert told["ResourceTypes"] == ["AWS::SQS::Queue", "AWS::Serverless::StateMachine"]
    assert told["DeclaredTransforms"] == ["AWS::Serverless-2016-10-31"]
    assert [parameter["ParameterKey"] for parameter in client.validate_template(TemplateBody=QUEUES)["Parameters"]] == ["Seconds", "WithDlq"]
    create(local, MACHINE % "{QueueUrl: !Ref Queue}")
    assert "AWS::StepFunctions::StateMachine" in json.dumps(client.get_template(StackName="app")["TemplateBody"])
    assert "AWS::Serverless::StateMachine" in client.get_template(StackName="app", TemplateStage="Original")["TemplateBody"]
    assert client.describe_stack_resource(StackName="app", LogicalResourceId="Queue")["StackResourceDetail"]["ResourceStatus"] == "CREATE_COMPLETE"
    assert [summary["StackName"] for summary in client.list_stacks()["StackSummaries"]] == ["app"]
    assert len(client.list_stack_resources(StackName="app")["StackResourceSummaries"]) == 2

"""What an app is started with: what its type may be, its instance, its lifecycle configuration, and the tags of those it belongs to.

Sources: botocore, CreateAppRequest.ResourceSpec and ResourceSpec; SageMaker Developer Guide, "Idle shutdown" (a profile's over the domain's).
"""

from localaws.cloud import Call, Cloud, Refused
from localaws.studio import core
from localaws.studio.core import Item, Resource
from localaws.studio.user_profiles import profile_name

CLASSIC = ("JupyterServer", "KernelGateway")
_RSTUDIO = ("RStudioServerPro", "RSessionGateway")
_IN_SPACES_ONLY = ("JupyterLab", "CodeEditor")
_SETTINGS = {app_type: f"{app_type}AppSettings" for app_type in (*CLASSIC, *_IN_SPACES_ONLY, "TensorBoard")}
_SYSTEM = "system"
_KERNEL_GATEWAY_SYSTEM = "ml.t3.medium"
_CLEARED = "None"


def check_type_starts(cloud: Cloud, call: Call) -> None:
    app_type = call.params["AppType"]
    if app_type in _RSTUDIO:
        raise Refused(f"sagemaker:CreateApp of type {app_type}: localaws has no RStudio, a test can plant one (localaws/studio/planting.py)")
    if app_type in CLASSIC and core.behaviour(cloud).new_classic_apps != "allowed":
        raise core.invalid(f"Apps of type {app_type} cannot be created: Amazon SageMaker Studio Classic is no longer open to new apps.")


def check_type(call: Call, owner: Resource) -> None:
    """Whose app may be of which type. AWS writes it in the guides, no model says it."""
    app_type = call.params["AppType"]
    if app_type in _IN_SPACES_ONLY and owner.kind != "Space":
        raise core.invalid(f"An app of type {app_type} needs a SpaceName.")
    of_space = owner.attributes.get("SpaceSettings", {}).get("AppType", app_type)
    if of_space != app_type:
        raise core.invalid(f"Space [{owner.arn}] is for apps of type {of_space}, not {app_type}.")


def launched_with(cloud: Cloud, call: Call, domain: Resource, owner: Resource) -> Item:
    """ResourceSpec and BuiltInLifecycleConfigArn, as DescribeApp answers them; without those that nobody has said anything of.

    InstanceType is the call's, else the nearest default. That the other members of a default show there too is not documented: they do not.
    """
    nearest = [each.get(_SETTINGS.get(call.params["AppType"], ""), {}) for each in _settings_of(cloud, call, domain, owner)]
    spec = {name: value for name, value in call.params.get("ResourceSpec", {}).items() if value != _CLEARED}
    defaults = [each["DefaultResourceSpec"] for each in nearest if "InstanceType" in each.get("DefaultResourceSpec", {})]
    if "InstanceType" not in spec and defaults:
        spec["InstanceType"] = defaults[0]["InstanceType"]
    spec = _checked(call.params["AppType"], spec)
    built_in = next((each["BuiltInLifecycleConfigArn"] for each in nearest if "BuiltInLifecycleConfigArn" in each), _CLEARED)
    return ({"ResourceSpec": spec} if spec else {}) | ({"BuiltInLifecycleConfigArn": built_in} if built_in != _CLEARED else {})


def _settings_of(cloud: Cloud, call: Call, domain: Resource, owner: Resource) -> list[Item]:
    """Those that apply, the nearest first: a private space has its owner's, any other the domain's for spaces."""
    for_users: Item = domain.attributes["DefaultUserSettings"]
    if owner.kind == "UserProfile":
        return [owner.attributes.get("UserSettings", {}), for_users]
    space: Item = owner.attributes.get("SpaceSettings", {})
    if owner.attributes.get("SpaceSharingSettings", {}).get("SharingType") != "Private":
        return [space, domain.attributes.get("DefaultSpaceSettings", {})]
    name = owner.attributes["OwnershipSettings"]["OwnerUserProfileName"]
    profile = core.find(cloud, call, profile_name(domain.attributes["DomainId"], name))
    return [space, profile.attributes.get("UserSettings", {}) if profile else {}, for_users]


def _checked(app_type: str, spec: Item) -> Item:
    """As the documentation of ResourceSpec has it for each type."""
    if "TrainingPlanArn" in spec and app_type not in _IN_SPACES_ONLY:
        raise core.invalid(f"TrainingPlanArn is supported for {' and '.join(_IN_SPACES_ONLY)} apps only, not for {app_type}.")
    if app_type == "JupyterServer":
        if spec.get("InstanceType", _SYSTEM) != _SYSTEM:
            raise core.invalid(f"JupyterServer apps only support the InstanceType {_SYSTEM}.")
        return spec | {"InstanceType": _SYSTEM}
    if app_type == "KernelGateway":
        if "InstanceType" not in spec:
            raise core.invalid("InstanceType is required for KernelGateway apps: give it in the call, the user profile or the domain.")
        return spec | ({"InstanceType": _KERNEL_GATEWAY_SYSTEM} if spec["InstanceType"] == _SYSTEM else {})
    return spec


def inherited_tags(cloud: Cloud, domain: Resource, owner: Resource) -> dict[str, str]:
    """The domain's and the owner's as they are now. What is added to them later a running app does not get [botocore, AddTags]."""
    if owner.kind == "Space" and not core.behaviour(cloud).space_tags_on_apps:
        return domain.tags
    return domain.tags | owner.tags

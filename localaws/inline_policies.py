"""Policies within a role may leave out their Version, or have the older one. moto asks of them what IAM asks of managed policies only.

Source: IAM User Guide, "IAM JSON policy elements: Version" (without one it is 2008-10-17, and ``${…}`` is no variable). aws-sam-translator writes
such policies for schedules and rules that start executions.
"""

from moto.iam.models import IAMBackend
from moto.iam.policy_validation import IAMPolicyDocumentValidator


class _InlinePolicy(IAMPolicyDocumentValidator):  # type: ignore[misc]
    def _validate_version(self) -> None:
        """Which versions there are is part of the syntax, and checked before."""


def _put_role_policy(backend: IAMBackend, role_name: str, policy_name: str, policy_json: str) -> None:
    role = backend.get_role(role_name)
    _InlinePolicy(policy_json).validate()
    role.put_policy(policy_name, policy_json)


IAMBackend.put_role_policy = _put_role_policy

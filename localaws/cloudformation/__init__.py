"""CloudFormation: SAM and CloudFormation templates deployed for real, into any account and Region, by them who deploy.

moto keeps the stacks and their events; templates are read, evaluated and turned into API calls here, since moto skips what it does not know::

    deploy ─ packaging ─▶ S3
      └─▶ CreateStack ─ requests ─ transform (SAM) ─ templates.check ─▶ engine ─ resources/* ─▶ the services' own APIs
                                                                          └ intrinsics, conditions, parameters
    stacksets ─▶ the same in each target account, on the virtual clock

Its law: what would be skipped or dropped is an error that names it.
"""

from localaws.cloudformation import bucket_policies, changesets, managed_policies, operations, roles, stackset_operations
from localaws.cloudformation.deployments import DeploymentFailed, delete, deploy

SERVICES = (bucket_policies, changesets, managed_policies, operations, roles, stackset_operations)
"""What answers calls: importing these registers it."""

__all__ = ["SERVICES", "DeploymentFailed", "delete", "deploy"]

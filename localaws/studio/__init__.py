"""SageMaker Studio: domains, user profiles, spaces, apps, lifecycle configurations, and their tags. Importing this package registers its operations.

One module per thing; what they have in common (statuses that change with time, names, lists) is in `core`.
What AWS does not say for sure is a field of `core.Behaviour`, so that code can be run against either answer.
"""

from localaws.studio import apps, domains, lifecycle_configs, spaces, tags, user_profiles
from localaws.studio.core import Behaviour, behaviour, fail_next

__all__ = ["Behaviour", "apps", "behaviour", "domains", "fail_next", "lifecycle_configs", "spaces", "tags", "user_profiles"]

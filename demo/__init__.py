"""A day on the platform, played on a local AWS organization with boto3 alone."""

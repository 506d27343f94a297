"""Resource types: one handler each, and each declares every property it takes.

A handler makes its resource by calling the service's own API as the principal that deploys, so that botocore checks each value, the call stands
in the log and in CloudTrail, and the resource lies where the API would have put it. What a handler does not declare is `Refused` by its name
before anything is created.
"""

"""Distributed Map: a Map state that starts an execution of its own for each item, or batch of items.

`definition` checks what a machine says of it, `reading` gets the items, `planning` makes the inputs of the children, `runs` carries them out,
`results` gives back or writes what came of them, `state` holds these together, `service` is the API of Map Runs.

Source: the developer guide, "Using Map state in Distributed mode", "ItemReader", "ItemBatcher", "ResultWriter", "Redriving Map Runs in Step Functions
executions", "IAM policies for using Distributed Map states".
"""

"""AWS Step Functions on the virtual clock, JSONata only. `service` registers the API; `definition` says what is not built, by name."""

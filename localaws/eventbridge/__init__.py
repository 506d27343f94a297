"""Amazon EventBridge: which events match, what a target is sent, and how it gets there. moto keeps buses, rules, targets and archives."""

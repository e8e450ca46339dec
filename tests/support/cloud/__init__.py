"""AWS on loopback, as far as a deployment meets it.

boto3 speaks to it over HTTP in AWS's own protocols. CloudFormation's stacks, change sets and their
failures are made up here, and so is how ECS replaces a task: no emulator that runs here can fail as
the real ones do. A task is a script of what happens to it, or a real process.
"""

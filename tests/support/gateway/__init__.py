"""What stands before the application: gateways, emulators, deployments."""

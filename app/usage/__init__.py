"""What is counted, and the metrics that are told of it."""

"""What commands write: nothing is overwritten that was not meant, and nothing is half-written."""

"""The database and the blobs, whichever engine and store they are kept in."""

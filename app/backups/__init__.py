"""The database's backups: made, proven, kept, expired, restored."""

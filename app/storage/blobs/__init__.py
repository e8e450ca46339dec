"""Pictures and other large bytes by key: in a folder, in S3, and in a spool while S3 is away."""

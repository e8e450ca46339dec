"""One verb a file that somebody asks for."""

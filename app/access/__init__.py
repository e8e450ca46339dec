"""Who is let in: the admin's password, logins, researchers' tokens, and how often one may ask."""

"""What a month on AWS costs: read from the templates, with dated prices."""

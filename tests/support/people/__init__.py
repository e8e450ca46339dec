"""Who uses a site: visitors and operators."""

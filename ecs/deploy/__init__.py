"""Releases: built, tried, deployed, checked and taken back. ``python -m ecs.deploy --help``.

The workflows of GitHub call these commands and decide nothing themselves, so a laptop with an AWS
login releases with the same steps. Nothing here is in the images.
"""

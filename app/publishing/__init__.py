"""Bundles put into the store, noticed by running apps, swapped, rolled back."""

"""What goes wrong: deaths, disks, networks."""

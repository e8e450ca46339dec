"""What tests share, in rooms; ``polling`` waits for all of it.

- ``people``: a visitor at a browser, an operator at a terminal;
- ``data``: drawings by a program, hostile pictures, bundles, and answers that nothing was measured
  for;
- ``stores``: databases, blob stores and an S3 server, who writes them, and migrations;
- ``gateway``: what stands before the application: a server's process, API Gateway, Lambda's
  emulator, ``sam``, CloudFormation;
- ``containers``: both images, built and run;
- ``faults``: deaths of processes, troubles of disks and networks.

``release_smoke`` lies outside: older releases are run with it by that path.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]

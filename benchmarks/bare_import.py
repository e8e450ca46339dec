"""What a start is measured against: a process that imports the same libraries and does nothing."""

# Printed once the entry point is ready, so that what is imported late counts as well.
LIST = """
import sys
{entry}
own = {{"app", "ecs", "handlers", "__main__"}} | sys.stdlib_module_names
spec = lambda name: getattr(sys.modules[name], "__spec__", None)
print(*(n for n in sys.modules if n.split(".")[0] not in own and spec(n) and spec(n).has_location))
"""
IMPORT = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
os._exit(0)
"""

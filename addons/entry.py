"""The script to give mitmproxy: `mitmdump -s entry.py`, with the inspector_* options set."""

import sys
from pathlib import Path

# mitmproxy loads this file by its path, so the packages it belongs to need not be on its search path.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from addons.inspector_addon import InspectorAddon

addons = [InspectorAddon()]

"""Write the pages that are made from the code: `python -m tools.reference docs`."""

import sys
from pathlib import Path

from tools.reference.pages import write

write(Path(sys.argv[1]))

"""``python -m app``: the same as the command `twinscope`."""

import sys

from app.cli import main

sys.exit(main())

"""`python -m velatura`."""

import sys

from velatura.cli.main import main

sys.exit(main())

"""`python -m local_stack`: see `cli`."""

import sys

from local_stack.cli import main

sys.exit(main())

"""One thin script a rule, and their library."""

import logging

# Says at import that an optional package is missing, on machines that have no use for it.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

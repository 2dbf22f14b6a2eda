"""The log of what a user should know although the work goes on. Commands show it."""

import logging

log = logging.getLogger(__name__)

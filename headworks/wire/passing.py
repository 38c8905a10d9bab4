"""What is read of paths that pass to a provider as they are (`passthrough`). One API has such paths, and whoever serves them names it here
alone."""

from __future__ import annotations

from typing import Final

from headworks.wire.openai.passed.batch_output import BatchOutput as BatchOutput
from headworks.wire.openai.passed.multipart import boundary as boundary
from headworks.wire.openai.passed.multipart import is_multipart as is_multipart
from headworks.wire.openai.passed.path_caller import METHODS as METHODS
from headworks.wire.openai.passed.path_caller import PathCaller as PathCaller
from headworks.wire.openai.passed.path_caller import passage_of as passage_of
from headworks.wire.openai.passed.path_caller import path_error as path_error
from headworks.wire.openai.passed.resources import BATCH_OUTPUT as BATCH_OUTPUT
from headworks.wire.openai.passed.resources import Listed as Listed
from headworks.wire.openai.passed.resources import after as after
from headworks.wire.openai.passed.resources import below as below
from headworks.wire.openai.passed.resources import id_in as id_in
from headworks.wire.openai.passed.resources import made as made
from headworks.wire.openai.passed.resources import outputs as outputs
from headworks.wire.openai.passed.resources import references as references
from headworks.wire.openai.passed.vendor import VENDORS, PassedVendor
from headworks.wire.openai.passed.vendor import PassedStream as PassedStream

SIDE: Final[PassedVendor] = next(iter(VENDORS.values()))
"""Which headers go to a vendor and come back: the same for all that passes."""

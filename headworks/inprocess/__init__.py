"""A system in your own process: the stack that `headworks up` serves, asked without a port.

async with headworks.open("headworks.yaml") as system:
    answer = await system.chat(model="assistant", messages=[{"role": "user", "content": "Hello!"}])
"""

from headworks.core.reply import Chunk, Usage
from headworks.inprocess.answers import Answer, Stream
from headworks.inprocess.fields import GenerateOptions, MessagesOptions, Options, ResponsesOptions
from headworks.inprocess.opened import Opened, open
from headworks.inprocess.system import System

__all__ = [
    "Answer",
    "Chunk",
    "GenerateOptions",
    "MessagesOptions",
    "Opened",
    "Options",
    "ResponsesOptions",
    "Stream",
    "System",
    "Usage",
    "open",
]

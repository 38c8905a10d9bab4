"""llama.cpp in this process. Only the child imports it: a native crash takes the process that it happens in.

What was found out about xllamacpp 2026.10 and decides the form of this file:
- its own HTTP server listens on a unix socket, but a caller who hangs up stops nothing before the answer is whole (40 s
  for 2,000 tokens): so requests come in by its Python call, and its server is moved out of the way, into our folder;
- the call has no way to cancel, but asks after each event whether to go on. With `return_progress` there is an event
  after each batch of the prompt too: so a call stops within one batch or token, as long as batches are small;
- its parsers of answers (for tools and reasoning) hold tokens back, and JSON's last spaces until there are no tokens
  left: with `force_pure_content_parser` each token is an event.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import xllamacpp

from headworks.providers.local.chat_template import ChatFormat
from headworks.providers.local.child_app import ModelSizes

BATCH = 16
"""Tokens of a prompt that are read in one step. Measured on two cores: 16 are read as fast as 512 (290 and 315 tokens/s)
and take 60 ms; 8 are a third slower."""

CHECKPOINTS = 4
"""States of the sliding attention that are kept per slot, so that a prompt that begins as the last one is not read
anew. llama.cpp's 32 would be up to 300 MB per slot."""

_AS_IT_IS = "{% for message in messages %}{{ message.content }}{% endfor %}"


class Llama:
    """A loaded model. Made in one to two seconds; raises RuntimeError where the file cannot be loaded."""

    def __init__(self, path: Path, manner: ChatFormat, sizes: ModelSizes, socket: Path) -> None:
        socket.unlink(missing_ok=True)  # of a child that was killed
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel = sizes.slots
        params.n_ctx = sizes.context * sizes.slots
        params.n_batch = params.n_ubatch = BATCH
        params.cpuparams.n_threads = sizes.threads
        params.cpuparams_batch.n_threads = sizes.prompt_threads
        params.n_ctx_checkpoints = CHECKPOINTS
        params.cache_ram_mib = 0  # by default up to 8 GB of old prompts
        params.fit_params = False  # measures the memory of devices for a second, to find what is said here
        params.warmup = False  # the first prompt warms what it needs
        params.hostnames = [str(socket)]  # a path that ends in .sock is a unix socket; TCP would be open to every user
        params.ui = False
        params.verbosity = 1  # errors
        params.prefill_assistant = False
        params.force_pure_content_parser = True
        params.enable_reasoning = 0
        if manner.is_base:
            params.chat_template = _AS_IT_IS
        self._server = xllamacpp.Server(params)

    def generate(self, generation: bytes, hear: Callable[[bytes], bool]) -> None:
        try:
            self._server.handle_chat_completions(generation, hear)
        except RuntimeError as error:  # C++ exceptions: what llama.cpp's own server would answer 400 to
            raise ValueError(str(error)) from error

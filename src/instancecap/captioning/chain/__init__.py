"""The question chain: a multimodal language model is asked about a clip, instance by instance.

    prepared = prepare(clip, evidence, options=options)         # reads the clip; any process
    written = await write(prepared, backend, options=options)   # asks; waits for a server

Both halves can run in different places. :func:`predict` says what the second one will cost.
"""

from instancecap.captioning.chain.cost import predict
from instancecap.captioning.chain.options import ChainOptions
from instancecap.captioning.chain.pictures import Prepared, prepare
from instancecap.captioning.chain.windows import split
from instancecap.captioning.chain.write import Written, write

__all__ = ["ChainOptions", "Prepared", "Written", "predict", "prepare", "split", "write"]

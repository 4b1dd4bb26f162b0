"""The question chain: a multimodal language model is asked about a clip, instance by instance.

    prepared = prepare(clip, evidence, options=options)         # reads the clip; any process
    written = await write(prepared, backend, options=options)   # asks; waits for a server

Both halves can run in different places. :func:`predict` says what the second one will cost.
"""

from instancecap.captioners.chain.cost import predict
from instancecap.captioners.chain.options import ChainOptions
from instancecap.captioners.chain.pictures import Prepared, prepare
from instancecap.captioners.chain.windows import split
from instancecap.captioners.chain.write import Written, write

__all__ = ["ChainOptions", "Prepared", "Written", "predict", "prepare", "split", "write"]

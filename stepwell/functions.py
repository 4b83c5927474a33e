"""The functions of the package: the methods of one client of each kind, which the process shares.

Written by `python -m tools.api` from the methods of Client in api.py; change those, not this file.
"""

from .api import Client
from .async_api import AsyncClient
from .client_pair import SHARED_ASYNC_CLIENT, SHARED_CLIENT

CLIENT = Client.sharing(SHARED_CLIENT.planner, SHARED_CLIENT.connections)
ASYNC_CLIENT = AsyncClient.sharing(SHARED_ASYNC_CLIENT.planner, SHARED_ASYNC_CLIENT.connections)
"""Neither opens a connection before its first call."""

pipeline_for = CLIENT.pipeline_for

generate_text = CLIENT.generate_text
stream_text = CLIENT.stream_text
generate_object = CLIENT.generate_object
stream_object = CLIENT.stream_object
run_tools = CLIENT.run_tools
stream_tools = CLIENT.stream_tools
embed = CLIENT.embed
rerank = CLIENT.rerank
generate_image = CLIENT.generate_image
transcribe = CLIENT.transcribe
speak = CLIENT.speak
moderate = CLIENT.moderate
ocr = CLIENT.ocr
list_models = CLIENT.list_models
count_tokens = CLIENT.count_tokens
submit_batch = CLIENT.submit_batch
batch_job = CLIENT.batch_job

agenerate_text = ASYNC_CLIENT.generate_text
astream_text = ASYNC_CLIENT.stream_text
agenerate_object = ASYNC_CLIENT.generate_object
astream_object = ASYNC_CLIENT.stream_object
arun_tools = ASYNC_CLIENT.run_tools
astream_tools = ASYNC_CLIENT.stream_tools
aembed = ASYNC_CLIENT.embed
arerank = ASYNC_CLIENT.rerank
agenerate_image = ASYNC_CLIENT.generate_image
atranscribe = ASYNC_CLIENT.transcribe
aspeak = ASYNC_CLIENT.speak
amoderate = ASYNC_CLIENT.moderate
aocr = ASYNC_CLIENT.ocr
alist_models = ASYNC_CLIENT.list_models
acount_tokens = ASYNC_CLIENT.count_tokens
asubmit_batch = ASYNC_CLIENT.submit_batch
abatch_job = ASYNC_CLIENT.batch_job

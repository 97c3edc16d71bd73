"""Batchers of other libraries, each as a function that makes its `submit(item)`.

They are no dependencies of this project. A virtual environment to be thrown away holds them:

    python3 -m venv /tmp/others
    /tmp/others/bin/pip install -e . batched async-batcher aiodataloader 'ray[serve]'
    /tmp/others/bin/python benchmarks/submitting.py

Each takes an async handler, the largest batch and the longest wait in seconds, and raises ImportError where its
library is not installed. `aiodataloader` waits for nobody: it takes what was submitted in one turn of the loop, and
hands several batches over at once.
"""

from __future__ import annotations

from types import SimpleNamespace


def batched(handler, size, wait):
    """Mixedbread's batched."""
    from batched.aio import AsyncBatchProcessor

    return AsyncBatchProcessor(handler, batch_size=size, timeout_ms=1000 * wait).__call__


def async_batcher(handler, size, wait):
    """Hussein Awala's async-batcher."""
    from async_batcher.batcher import AsyncBatcher

    class Handling(AsyncBatcher):
        async def process_batch(self, batch):
            return await handler(batch)

    return Handling(max_batch_size=size, max_queue_time=wait).process


def aiodataloader(handler, size, wait):
    """The DataLoader of GraphQL servers."""
    from aiodataloader import DataLoader

    return DataLoader(handler, max_batch_size=size, cache=False).load


def ray_serve(handler, size, wait):
    """`@serve.batch` of Ray Serve, without a cluster: the replica that it asks for is made up."""
    from ray import serve

    names = dict.fromkeys(("app_name", "deployment", "replica_tag", "replica_id"), "benchmark")
    config = SimpleNamespace(max_ongoing_requests=1_000_000)
    serve.context._INTERNAL_REPLICA_CONTEXT = SimpleNamespace(**names, _deployment_config=config)

    @serve.batch(max_batch_size=size, batch_wait_timeout_s=wait)
    async def batch(items):
        return await handler(items)

    return batch


OTHERS = {
    "aiodataloader": aiodataloader,
    "async-batcher": async_batcher,
    "batched": batched,
    "Ray Serve": ray_serve,
}

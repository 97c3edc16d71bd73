"""What a batch costs, a·n + b, learnt from the batches as they come."""

from __future__ import annotations

from collections import deque


class CostLine:
    """The least-squares line through the last batches, with neither cost below 0.

    `per_item` is a, seconds for each request; `per_batch` is b, seconds for each batch however large. Until the
    first batch they are what they were given. Where all batches were of one size, nothing tells the two apart: a
    stays, and b is what is left.
    """

    def __init__(self, per_item: float, per_batch: float, kept: int) -> None:
        self.per_item = per_item
        self.per_batch = per_batch
        self._batches: deque[tuple[int, float]] = deque(maxlen=kept)

    def cost(self, size: int) -> float:
        """Seconds for a batch of so many."""
        return self.per_item * size + self.per_batch

    def learn(self, size: int, duration: float) -> None:
        """Take in one more batch, and let the oldest go."""
        self._batches.append((size, duration))
        count = len(self._batches)
        mean_size = sum(n for n, _ in self._batches) / count
        mean = sum(t for _, t in self._batches) / count
        spread = sum((n - mean_size) ** 2 for n, _ in self._batches)
        if spread:
            self.per_item = sum((n - mean_size) * (t - mean) for n, t in self._batches) / spread
        self.per_item = max(0.0, self.per_item)
        self.per_batch = mean - self.per_item * mean_size
        if self.per_batch < 0:  # the best line without a fixed cost
            self.per_item = sum(n * t for n, t in self._batches) / sum(n * n for n, _ in self._batches)
            self.per_batch = 0.0

r"""How much a service takes at once."""
from typing import Annotated, Any, Dict

from pydantic import Field, Strict

from eega_pyg.extraction.item import MAX_WORDS
from eega_pyg.schema import Number, record

_Positive = Annotated[int, Strict(), Field(ge=1)]
_Seconds = Annotated[Number, Field(ge=0)]


@record
class Limits:
    r"""How much a service takes at once, and how long it waits.

    Args:
        batch_size (int): Items that the model reads together.
        latency (float): Seconds that an item waits for others at most, while the model
            has nothing to do.
        waiting (int): Items that wait for the model at most.
        items (int): Items of a request at most.
        characters (int): Characters of a text at most. The default is the largest that
            is allowed: of so many characters it is certain that there are not too many
            words.
        pixels (int): Pixels of an image at most.
        body (int): Bytes of a request at most.
        memory (int): Bytes of all requests that are being answered at most.
        patience (float): Seconds in which a request must have arrived.

    Raises:
        ValueError: Naming the field, if one is out of range, or if a single request
            could be too large for all of them.
    """
    batch_size: _Positive = 32
    latency: _Seconds = 0.01
    waiting: _Positive = 256
    items: _Positive = 64
    characters: Annotated[int, Strict(), Field(ge=1, le=MAX_WORDS)] = MAX_WORDS
    pixels: _Positive = 25_000_000
    body: _Positive = 16 * 2**20
    memory: _Positive = 256 * 2**20
    patience: Annotated[Number, Field(gt=0)] = 30.0

    def __post_init__(self) -> None:
        if self.items > self.waiting:
            raise ValueError(f"items: a request may have {self.items} items, and "
                             f"{self.waiting} find a place: allow fewer, or let more "
                             f"wait")
        if self.body > self.memory:
            raise ValueError(f"body: a request may have {self.body:,} bytes, and all "
                             f"together {self.memory:,}: allow fewer, or more memory")

    def to_dict(self) -> Dict[str, Any]:
        r"""The values by their names."""
        return dict(vars(self))

r"""What a client asks for."""
from dataclasses import field
from typing import Annotated, Any, List, Optional

from pydantic import Field, Strict

from eega_pyg.schema import Flag, Share, Text, record

_Many = Annotated[List[Any], Field(min_length=1)]


@record
class ExtractRequest:
    r"""What ``POST /v1/extract`` takes.

    Args:
        items (list): The items: texts, or objects with the fields of an
            :class:`~eega_pyg.extraction.Item`.
        align (bool, optional): Whether entities have the objects that they are aligned
            with. (default: :obj:`False`)
        pairs (bool, optional): Whether the result has the probabilities of all word
            pairs; of one item only. (default: :obj:`False`)
        min_probability (float, optional): Less probable relations, and entities of
            none, are left out; by default those below the thresholds of the model.
    """
    items: _Many
    align: Flag = False
    pairs: Flag = False
    min_probability: Optional[Share] = None

    def __post_init__(self) -> None:
        if self.pairs and len(self.items) > 1:
            raise ValueError(f"pairs: the probabilities of word pairs are large, and "
                             f"are given of one item only (got {len(self.items)})")


@record
class ExplainRequest:
    r"""What ``POST /v1/explain`` takes.

    Args:
        items (list): One item, as of :class:`ExtractRequest`.
        min_probability (float, optional): As of :class:`ExtractRequest`.
    """
    items: Annotated[List[Any], Field(min_length=1, max_length=1)]
    min_probability: Optional[Share] = None


@record
class GraphRequest:
    r"""What ``POST /v1/graph`` takes; one of ``items`` and ``results`` has to be there.

    Args:
        items (list, optional): As of :class:`ExtractRequest`.
        results (list, optional): What ``POST /v1/extract`` answered before.
        format (str, optional): The format of the graph. (default: :obj:`'jsonl'`)
        images (str, optional): Whether images are ``attributes`` or ``nodes``.
            (default: :obj:`'attributes'`)
        merge_names (bool, optional): Whether entities become one that a relation says
            are names of one another. (default: :obj:`False`)
        min_probability (float, optional): As of :class:`ExtractRequest`.
        min_count (int, optional): Relations that are stated less often are left out,
            and so are entities without any. (default: :obj:`1`)
    """
    items: List[Any] = field(default_factory=list)
    results: List[Any] = field(default_factory=list)
    format: Text = 'jsonl'
    images: Text = 'attributes'
    merge_names: Flag = False
    min_probability: Optional[Share] = None
    min_count: Annotated[int, Strict(), Field(ge=1)] = 1

    def __post_init__(self) -> None:
        if not self.items and not self.results:
            raise ValueError("missing 'items' or 'results'")
        if self.images not in ('attributes', 'nodes'):
            raise ValueError(f"images: expected 'attributes' or 'nodes' (got "
                             f"'{self.images[:80]}')")

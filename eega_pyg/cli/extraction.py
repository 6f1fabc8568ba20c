r"""Items to results, as the commands do it."""
from functools import cached_property
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

from .console import shows_progress
from .options import check_items

if TYPE_CHECKING:
    from eega_pyg.extraction.certainty import Rated
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.extraction.item import Item
    from eega_pyg.extraction.result import Result
    from eega_pyg.extraction.result_file import PartialResults

# Of fewer texts nobody waits for the end.
_MANY = 64


class Extraction:
    r"""What is extracted of some items, and how. The model is loaded when it is first
    needed.

    Args:
        items (dict): The items by their places.
        model (str, optional): The model.
        device (str, optional): Where it runs.
        min_probability (float, optional): Less probable relations, and entities of
            none, are left out; by default those below the thresholds of the model.
        align (bool): Whether entities are aligned with objects.
        everything (bool, optional): Whether relations that are left out are asked for
            too, without which it is not known how certain their absence is.
            (default: :obj:`False`)
        by_certainty (bool, optional): Whether the least certain results come first.
            (default: :obj:`False`)
        detector (str, optional): What looks at images, see
            :func:`~eega_pyg.vision.detectors.named.named_detector`.
    """
    def __init__(self, items: Dict[str, 'Item'], model: Optional[str],
                 device: Optional[str], min_probability: Optional[float], align: bool,
                 everything: bool = False, by_certainty: bool = False,
                 detector: Optional[str] = None) -> None:
        self.items = items
        self.model = model
        self.device = device
        self.min_probability = min_probability
        self.align = align
        self.everything = everything
        self.by_certainty = by_certainty
        self.detector = detector

    @cached_property
    def extractor(self) -> 'Extractor':
        r"""The model, which can read all items."""
        from eega_pyg.extraction.extractor import Extractor
        extractor = Extractor.from_pretrained(self.model, self.device,
                                              threshold=self.min_probability)
        check_items(extractor, self.items)
        if self.detector is not None:
            from eega_pyg.vision.detectors.named import named_parser
            extractor.image_parser = named_parser(self.detector, extractor.device)
        return extractor

    def metadata_names(self) -> List[str]:
        r"""The fields of metadata that any item has."""
        from eega_pyg.extraction.result_formats import metadata_names
        return metadata_names(item.metadata for item in self.items.values())

    def results(self, positions: Sequence[int]) -> Iterator[Tuple[int, 'Result']]:
        r"""Some positions, each with its result, as they are done."""
        from eega_pyg.parsing import tracked
        items = list(self.items.values())
        left = [items[i] for i in positions]
        stream = self.extractor.stream(left, align=self.align,
                                       threshold=0.0 if self.everything else None)
        progress = len(left) >= _MANY and shows_progress()
        for i, result in tracked(stream, len(left), progress, 'Extracting'):
            yield positions[i], result

    def in_order(self) -> Iterator['Result']:
        r"""Each result as soon as all before it are there."""
        waiting: Dict[int, 'Result'] = {}
        following = 0
        for i, result in self.results(range(len(self.items))):
            waiting[i] = result
            while following in waiting:
                yield waiting.pop(following)
                following += 1

    def rated(
        self, values: Iterable[Mapping[str, Any]]
    ) -> Tuple[Iterable['Rated'], Optional[List[int]]]:
        r"""The results as they are shown or written and, if they are in another order
        than their texts, the numbers of these."""
        from eega_pyg.extraction.certainty import least_certain_first, rated
        found = (rated(value, self.extractor.thresholds) for value in values)
        if not self.by_certainty:
            return found, None
        whole = list(found)
        place = {id(value): number for number, value in enumerate(whole, 1)}
        whole = least_certain_first(whole)
        return whole, [place[id(value)] for value in whole]

    def values(self, part: 'PartialResults') -> List[Dict]:
        r"""All results as plain values; each is kept in a file as soon as it is
        there."""
        from eega_pyg.extraction.result_file import run_identity
        run = run_identity(self.extractor, list(self.items.values()), self.align,
                           self.everything)
        return part.complete(self.results, len(self.items), run)

    def write(self, part: 'PartialResults', target: Path, form: str) -> List[Path]:
        r"""Writes all results to a file, and returns the files that were written."""
        from eega_pyg.extraction.result_file import write_results
        found, numbers = self.rated(self.values(part))
        written = write_results(target, list(found), form, self.extractor.model.tag_set,
                                numbers)
        part.remove()
        return written

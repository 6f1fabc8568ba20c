r"""Batches of rows in, batches of results out."""
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Union

from eega_pyg.extraction.extractor import Extractor
from eega_pyg.extraction.item_files import Record, as_item, filled
from eega_pyg.extraction.sight import is_looked_at
from eega_pyg.files import short_reason
from eega_pyg.json_yaml import json_text

from .job_folder import Outcome

if TYPE_CHECKING:
    import pandas as pd

    from eega_pyg.extraction.item import Item
    from eega_pyg.extraction.result import Result

# What is wrong with a text; all else may be wrong with the machine.
_OF_A_TEXT = (ValueError, OSError, TypeError)
# One or two images may be missing; if all of so many are, the folder is.
_FEW = 3
# A text that any model reads.
_PLAIN = 'Ann lives in Rome .'


class BatchExtractor:
    r"""Extracts from the rows of a data frame. A row that cannot be read does not stop
    the others.

    This is what engines for large data call in each of their workers, *e.g.*, Ray Data:

    .. code-block:: python

        texts = ray.data.read_parquet('texts')
        found = texts.map_batches(BatchExtractor, batch_format='pandas',
                                  fn_constructor_kwargs={'model': 'runs/sample',
                                                         'key': 'id'},
                                  compute=ray.data.ActorPoolStrategy(size=4))
        found.write_parquet('found')

    A row has the fields of an item, see :meth:`Item.from_dict
    <eega_pyg.extraction.Item.from_dict>`: :obj:`text` or :obj:`words`, and what is
    known of the image. All other columns become metadata, and cells that are null are
    absent. The frame that comes out has a row for each that goes in, in the same order,
    with the columns of :attr:`SCHEMA`: the key, the result as JSON, and why there is
    none; one of the last two is null.

    Args:
        model (str, Path or Extractor, optional): The folder or the name of a model, see
            :meth:`Extractor.from_pretrained
            <eega_pyg.extraction.Extractor.from_pretrained>`, or an extractor.
            (default: the checkpoint that comes with the package)
        key (str, optional): The column that tells rows apart. (default: the index of
            the frame)
        device (torch.device or str, optional): Where the model runs; by default the
            first accelerator, else the CPU.
        threshold (float, optional): As of
            :class:`~eega_pyg.extraction.extractor.Extractor`.
        align (bool, optional): If set to :obj:`True`, results say which objects each
            entity is aligned with. (default: :obj:`False`)
        batch_size (int, optional): Texts that the model reads at once.
            (default: :obj:`32`)

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If an extractor is given together with what it was made with.
    """
    #: The columns that come out, in the words of Spark.
    SCHEMA = 'key string, result string, error string'

    def __init__(self, model: Optional[Union[str, Path, Extractor]] = None,
                 key: Optional[str] = None, device: Any = None,
                 threshold: Optional[float] = None, align: bool = False,
                 batch_size: int = 32) -> None:
        if not isinstance(model, Extractor):
            model = Extractor.from_pretrained(model, device, threshold=threshold)
        elif (device, threshold) != (None, None):
            raise ValueError('An extractor has a device and a threshold already')
        self.extractor = model
        self.key = key
        self.align = align
        self.batch_size = batch_size

    def __call__(self, frame: 'pd.DataFrame') -> 'pd.DataFrame':
        r"""Extracts from the rows of a frame.

        Raises:
            RuntimeError: Or what else a broken machine raises, if the model cannot
                even read a plain sentence any more, or none of the images.
        """
        import pandas as pd
        rows = frame.astype(object).where(frame.notna(), None).to_dict('records')
        records = [(str(i), filled(row)) for i, row in zip(frame.index, rows)]
        found = [(o.key, o.result and json_text(o.result), o.error)
                 for o in self.extract(records)]
        return pd.DataFrame(found, columns=['key', 'result', 'error'], dtype='string')

    def extract(self, records: Iterable[Record]) -> List[Outcome]:
        r"""What becomes of texts, in their order.

        Args:
            records (iterable of tuple): The place of each text, and a string, the
                fields of an item, or the error that reading it has raised.

        Raises:
            RuntimeError: If no image at all can be looked at, *e.g.*, since its folder
                is not mounted or the detector cannot be loaded.
        """
        keys: List[str] = []
        items: Dict[int, 'Item'] = {}
        errors: Dict[int, str] = {}
        images = _Images()
        for i, (place, value) in enumerate(records):
            keys.append(_encodable(place))
            try:
                if isinstance(value, Exception):
                    raise value
                keys[i] = self._key(place, value)
                items[i] = as_item(value, '')
                images.number += is_looked_at(items[i])
                self.extractor.check(items[i])
            except _OF_A_TEXT as e:
                if i in items:
                    images.missed(e)
                items.pop(i, None)
                errors[i] = _reason(e)
        found = self._read(items, errors, images)
        images.check()
        return [
            Outcome(key, error=errors[i]) if i in errors else Outcome(
                key, {
                    'key': key,
                    **found[i]
                }) for i, key in enumerate(keys)
        ]

    def _key(self, place: str, value: Any) -> str:
        if self.key is None:
            return _encodable(place)
        if not isinstance(value, dict) or value.get(self.key) is None:
            raise ValueError(f"missing '{self.key}', by which texts are told apart")
        return _encodable(str(value[self.key]))

    def _read(self, items: Dict[int, 'Item'], errors: Dict[int, str],
              images: '_Images') -> Dict[int, Any]:
        r"""The results of items; those that have none are added to the errors."""
        found: Dict[int, Any] = {}
        positions = list(items)
        try:
            for j, result in self.extractor.stream(list(items.values()),
                                                   self.batch_size, self.align):
                found[positions[j]] = _value(result)
        except Exception:  # Of one text, which is found by reading each alone.
            for i, item in items.items():
                if i not in found:
                    try:
                        result, = self.extractor.batch([item], align=self.align)
                        found[i] = _value(result)
                    except Exception as e:
                        errors[i] = _reason(e)
                        if is_looked_at(item):
                            images.failed(e)
                        if not isinstance(e, _OF_A_TEXT):
                            self.extractor(_PLAIN)  # Or no text is at fault.
        return found


class _Images:
    r"""What became of the images of a batch that the model is to look at."""
    def __init__(self) -> None:
        self.number = 0
        self._gone: List[OSError] = []
        self._failed: List[OSError] = []

    def missed(self, error: Exception) -> None:
        r"""An image could not be opened."""
        if isinstance(error, FileNotFoundError) or (isinstance(error, OSError)
                                                    and error.errno is not None):
            self._gone.append(error)

    def failed(self, error: Exception) -> None:
        r"""A picture that could be opened could not be looked at."""
        if isinstance(error, OSError):
            self._failed.append(error)

    def check(self) -> None:
        r"""Raises a :class:`RuntimeError` if what is wrong is nothing of a text."""
        wrong = self._failed + self._gone
        if len(wrong) == self.number and (self._failed or len(wrong) >= _FEW):
            raise RuntimeError(f'No image of {self.number} could be looked at '
                               f'({short_reason(wrong[0], 300)})')


def _value(result: 'Result') -> Any:
    # With what JSON cannot hold already replaced.
    return json.loads(result.to_json())


def _encodable(text: str) -> str:
    return text.encode('utf-8', 'replace').decode('utf-8')


def _reason(error: Exception) -> str:
    reason = _encodable(short_reason(error, 300))
    if isinstance(error, (ValueError, OSError)):
        return reason
    return f'{type(error).__name__}: {reason}'

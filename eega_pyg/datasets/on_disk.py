r"""Graphs on the disk."""
import json
import os
import os.path as osp
import zlib
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch_geometric.data import Database, HeteroData, OnDiskDataset

from eega_pyg.files import short_reason
from eega_pyg.schema import num_pieces

#: The end of the name of a file that is being built.
PART = '.part'
# Graphs that are written at once.
_BLOCK = 256
# Stands between the parts of a tensor's name, and in no part of one.
_BETWEEN = '\x1f'
# Of a graph: its number of word pieces, the record that it was made of, its tensors,
# and all else.
_SCHEMA = {
    'pieces': int,
    'record': int,
    'tensors': {
        'dtype': torch.uint8,
        'size': (-1, )
    },
    'rest': str,
}


class OnDiskPairs(OnDiskDataset):
    r"""Graphs of the schema of :class:`~eega_pyg.datasets.PairDataset` in a file, from
    which each is read when it is asked for. The file is a database of SQLite with
    tensors in the format of safetensors and all else as JSON: nothing in it is
    unpickled.

    .. code-block:: python

        OnDiskPairs.write('graphs.db', lambda first: enumerate(graphs[first:], first))
        dataset = OnDiskPairs('graphs.db')

    Args:
        path (str): The file.
        transform (callable, optional): A function that takes in a
            :class:`~torch_geometric.data.HeteroData` object and returns a transformed
            version, before every access. (default: :obj:`None`)

    Raises:
        ValueError: If the file holds something else; when a graph is read, if it is
            damaged.
        FileNotFoundError: If there is no such file.
    """
    _owner = 0  # The process that has opened the file.

    def __init__(self, path: str, transform: Optional[Callable] = None) -> None:
        self.path = osp.abspath(path)
        if not osp.isfile(self.path):
            raise FileNotFoundError(f"There is no '{path}'")
        super().__init__(osp.dirname(self.path), transform, schema=_SCHEMA, log=False)
        try:
            # An index has them, so that no graph is read.
            rows = self._rows('SELECT id, COL_pieces FROM OnDiskPairs '
                              'INDEXED BY lengths')
            self._lengths = [length for _, length in sorted(rows)]
        except Exception as e:  # SQLite's own errors.
            raise ValueError(f"'{path}' holds no graphs, or is damaged: "
                             f"{short_reason(e)}") from None

    @property
    def processed_dir(self) -> str:
        return osp.dirname(self.path)

    @property
    def processed_file_names(self) -> Any:
        return osp.basename(self.path)

    @property
    def num_pieces(self) -> List[int]:
        r"""The number of word pieces of each graph, without reading it."""
        return [self._lengths[i] for i in self.indices()]

    def len(self) -> int:
        return len(self._lengths)

    def get(self, idx: int) -> HeteroData:
        try:
            return super().get(idx)
        except Exception as e:  # Whatever a damaged row leads to.
            raise ValueError(f"'{self.path}': graph {idx} is damaged: "
                             f"{short_reason(e)}") from None

    def __getitems__(self, indices: List[int]) -> List[HeteroData]:
        # Unlike PyG's own, it knows of subsets.
        return [self[i] for i in indices]

    def serialize(self, data: HeteroData) -> Dict[str, Any]:
        return _to_row(data, 0)

    def deserialize(self, data: Dict[str, Any]) -> HeteroData:
        return _from_row(data)

    @property
    def db(self) -> Database:
        if self._owner != os.getpid():  # A connection belongs to one process.
            self._db, self._owner = None, os.getpid()
        return super().db

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, '_db': None}

    def _rows(self, query: str) -> List[Tuple[Any, ...]]:
        database: Any = self.db
        return database.cursor.execute(query).fetchall()

    @classmethod
    def write(cls, path: str,
              graphs: Callable[[int], Iterable[Tuple[int, HeteroData]]]) -> int:
        r"""Writes graphs into a file, of which few are held at a time. Until it is
        whole it has :obj:`PART` at the end of its name; what is there of it when the
        process is killed is kept, and the next call goes on behind it.

        Args:
            path (str): The file.
            graphs (callable): Gives the graphs, each with the number of the record that
                it is made of, in their order and from a record on.

        Returns:
            The number of graphs.

        Raises:
            ValueError: If a graph is no HeteroData, or holds what is no tensor, string,
                number, list or dict with strings as keys; a tuple becomes a list.
        """
        part = path + PART
        new = cls.__new__(cls)
        new.path, new._lengths = osp.abspath(part), []
        OnDiskDataset.__init__(new, osp.dirname(new.path), schema=_SCHEMA, log=False)
        try:
            (number, last), = new._rows('SELECT COUNT(*), MAX(COL_record) '
                                        'FROM OnDiskPairs')
            block: List[Dict[str, Any]] = []
            # All graphs of a record are written at once, or none of them.
            for record, data in graphs(0 if last is None else last + 1):
                if len(block) >= _BLOCK and block[-1]['record'] != record:
                    number = new._append(number, block)
                    block = []
                block.append(_to_row(data, record))
            number = new._append(number, block)
            new._rows('CREATE INDEX IF NOT EXISTS lengths ON OnDiskPairs (COL_pieces)')
        finally:
            new.close()
        if number > 0:
            os.replace(part, path)
        else:
            os.unlink(part)
        return number

    def _append(self, number: int, block: List[Dict[str, Any]]) -> int:
        if block:
            self.db.multi_insert(range(number, number + len(block)), block)
        return number + len(block)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({len(self)}, '{self.path}')"


def _to_row(data: HeteroData, record: int) -> Dict[str, Any]:
    if type(data) is not HeteroData:
        raise ValueError(f"Expected graphs on the disk that are HeteroData (got "
                         f"{type(data).__name__})")
    tensors: Dict[str, Tensor] = {}
    rest: Dict[str, Dict[str, Any]] = {}
    for store, values in data.to_dict().items():
        names = [store] if isinstance(store, str) else list(store)
        plain = rest.setdefault(_BETWEEN.join(names), {})
        for name, value in values.items():
            if isinstance(value, Tensor):
                if value.layout is not torch.strided:
                    raise ValueError(f"What is no tensor of the usual layout cannot be "
                                     f"stored: '{name}' is {value.layout}")
                key = _BETWEEN.join([*names, name])
                # Tensors of a batch or a view share their memory.
                tensors[key] = value.detach().cpu().clone().contiguous()
            else:
                plain[name] = value
    _check_keys(rest)
    try:
        text = json.dumps(rest, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as e:
        raise ValueError(f"What is no tensor, string, number, list or dict cannot be "
                         f"stored: {short_reason(e)}") from None
    content = bytearray(safetensors.torch.save(tensors))
    return {
        'pieces': num_pieces(data),
        'record': record,
        'tensors': torch.frombuffer(content, dtype=torch.uint8),
        'rest': f'{_checksum(content, text):08x}{text}'
    }


def _checksum(tensors: Union[bytes, bytearray], text: str) -> int:
    return zlib.crc32(text.encode(), zlib.crc32(tensors))


def _check_keys(value: Any) -> None:
    r"""Refuses dicts that JSON would change."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(
                    f"A dict whose keys are no strings cannot be stored: it "
                    f"has the key {key!r}")
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for inner in value:
            _check_keys(inner)


def _from_row(row: Dict[str, Any]) -> HeteroData:
    stores: Dict[Any, Dict[str, Any]] = {}
    tensors, rest = row['tensors'].numpy().tobytes(), row['rest']
    if not rest.startswith('{'):  # Of an earlier version, which had no checksums.
        found, rest = rest[:8], rest[8:]
        if found != f'{_checksum(tensors, rest):08x}':
            raise ValueError('its checksum is another one')
    for key, values in json.loads(rest).items():
        names = key.split(_BETWEEN)
        stores[names[0] if len(names) == 1 else tuple(names)] = values
    for key, value in safetensors.torch.load(tensors).items():
        *names, name = key.split(_BETWEEN)
        stores[names[0] if len(names) == 1 else tuple(names)][name] = value
    return HeteroData.from_dict(stores)

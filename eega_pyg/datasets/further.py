r"""Texts that are trained on beside a training split."""
from typing import Any, List, NamedTuple, Optional, Sequence, Union

from torch.utils.data import ConcatDataset
from torch_geometric.data import HeteroData

from eega_pyg.config import TrainConfig

from .conll04 import read_conll04
from .gmner import read_gmner
from .graphs import Graphs
from .jmere import JMERE
from .joined import MOST, join_records
from .jsonl import read_jsonl
from .mnre import UNRELATED
from .pair_dataset import PairDataset
from .record import Record

#: The kinds of files.
KINDS = ('jsonl', 'conll04', 'gmner')


def read_further(name: str, train: PairDataset, entities: str = 'auto') -> List[Record]:
    r"""Reads the sentences of a further set.

    Args:
        name (str): ``'unrelated'`` for the texts of the training split's own file of
            which no line states a relation, see :func:`~eega_pyg.datasets.read_mnre`;
            or a file, as ``'jsonl:PATH'`` (see :func:`~eega_pyg.datasets.read_jsonl`;
            types and relations that it never uses count as not annotated),
            ``'conll04:PATH'`` (see :func:`~eega_pyg.datasets.read_conll04`) or
            ``'gmner:PATH'`` (see :func:`~eega_pyg.datasets.read_gmner`).
        train (PairDataset): The training split, whose types and relations are known.
        entities (str, optional): Which entities JSON lines name, see
            :func:`~eega_pyg.datasets.read_jsonl`. (default: :obj:`"auto"`)

    Raises:
        ValueError: If there is no such kind of file, or a file is wrong.
        OSError: If there is no such file.
    """
    path = further_file(name)
    if path is None:
        if not isinstance(train, JMERE):
            raise ValueError(f"train.also: '{name}' texts are lines of MNRE, which the "
                             f"data set does not hold; its own texts without a "
                             f"relation are in the training anyway")
        return train.records(UNRELATED)
    if name.startswith('jsonl:'):
        return read_jsonl(path, train.tags, train.tokenize, entities, partial=True)
    reader = read_conll04 if name.startswith('conll04:') else read_gmner
    return reader(path, train.tags)


def further_file(name: str) -> Optional[str]:
    r"""The file that :func:`read_further` reads for :obj:`name`; :obj:`None` if it is
    the training split's own.

    Raises:
        ValueError: If there is no such kind of file.
    """
    if name == UNRELATED:
        return None
    return _file(name, 'train.also', f"'{UNRELATED}' or ")


def _file(name: str, field: str, more: str = '') -> str:
    kind, _, path = name.partition(':')
    if kind not in KINDS or not path:
        known = ', '.join(f'{kind}:FILE' for kind in KINDS)
        raise ValueError(f"{field}: expected {more}one of {known} (got '{name}')")
    return path


def read_held_out(names: Sequence[str], data: PairDataset,
                  field: str = 'train.held_out') -> List[Record]:
    r"""Reads sets with all their entities, of which the types are those of a data set.
    JSON lines among them are taken at their word. An error names the field that they
    stand in.

    Raises:
        ValueError: If there is no such kind of file, or a file is wrong.
        OSError: If there is no such file.
    """
    for name in names:
        _file(name, field)
    return [record for name in names for record in read_further(name, data, 'all')]


class TrainingSet(NamedTuple):
    r"""The texts of a set, and those joined from them.

    Args:
        graphs (sequence of HeteroData): Its texts, long ones in windows.
        records (list of Record): The joined texts.
        joined (Graphs): Their graphs, long ones in windows.
    """
    graphs: Sequence[HeteroData]
    records: List[Record]
    joined: Graphs


def training_sets(config: TrainConfig, train: PairDataset) -> List[TrainingSet]:
    r"""The training split and the further sets, each with its own joined texts, as a
    run's options say.

    Raises:
        ValueError: As :func:`read_further`; or if a set that is to be joined has fewer
            than two sentences.
        OSError: If there is no such file.
    """
    def joined(records: List[Record]) -> List[Record]:
        number = round(config.joined * len(records))
        if number == 0:
            return []
        return join_records(records, number, most=min(MOST, len(records)),
                            max_words=train.max_words, seed=config.seed)

    def built(graphs: Sequence[HeteroData], records: List[Record]) -> TrainingSet:
        return TrainingSet(
            graphs, records,
            train.build(records, 'joined texts') if records else Graphs())

    def further(name: str) -> TrainingSet:
        records = read_further(name, train)
        # Joined texts are others for each seed, and larger: they are not kept.
        return built(train.build(records, name, keep=True), joined(records))

    own = built(train, joined(train.records()) if config.joined > 0 else [])
    sets = {name: further(name) for name in dict.fromkeys(config.also)}
    return [own, *(sets[name] for name in config.also)]


def with_further(config: TrainConfig,
                 train: PairDataset) -> Union[PairDataset, ConcatDataset]:
    r"""The training split, its joined texts, and each further set with its own joined
    texts, see :func:`training_sets`."""
    if not config.also and config.joined == 0:
        return train
    own, *others = training_sets(config, train)
    groups: List[List[Any]] = [[own.graphs], [own.joined]]
    groups += ([other.graphs, other.joined] for other in others)
    parts: List[Any] = [ConcatDataset(group) for group in groups]
    return ConcatDataset([part for part in parts if len(part) > 0])

r"""The files of a :class:`~eega_pyg.datasets.PairDataset`, whose names say what they
depend on."""
import os
import os.path as osp
import warnings
from contextlib import suppress
from glob import escape, glob
from typing import Any, Iterable, Iterator, Sequence, Tuple

from torch_geometric.data import HeteroData

from eega_pyg.function_identity import function_identity
from eega_pyg.identity import digest
from eega_pyg.parsing import tracked
from eega_pyg.schema import OBJECT, located
from eega_pyg.transforms import Pair, PairTransform

from .cached import cached_pieces
from .on_disk import PART, OnDiskPairs
from .record import Record
from .storage import SCHEMA_VERSION


def graphs(dataset: Any, pairs: Iterable[Pair]) -> Iterator[HeteroData]:
    r"""The graphs of pairs."""
    transform = PairTransform(dataset.vocabularies, cached_pieces(dataset.encoder),
                              dataset.tags, dataset.table, dataset.max_objects,
                              dataset.feature_size)
    for pair in pairs:
        with located(f"Image '{pair.image_id}'"):
            data = transform(pair)
        yield data


def build(dataset: Any, split: str, pairs: Sequence[Pair]) -> None:
    r"""Builds a split in memory and writes it."""
    found = kept(dataset, tracked(pairs, len(pairs), dataset.log, f'Building {split}'))
    data_list = [data for _, data in found]
    _check(dataset, split, len(data_list),
           any(o.feature for p in pairs for o in p.scene_graph.objects))
    dataset.save(data_list,
                 osp.join(dataset.processed_dir, processed_name(dataset, split)))


def write(dataset: Any, split: str) -> None:
    r"""Builds a split of which few graphs are held at a time, and goes on where a
    process that was killed has left off."""
    path = osp.join(dataset.processed_dir, processed_name(dataset, split))
    for other in glob(osp.join(escape(dataset.processed_dir), f'{split}_*.db{PART}')):
        # Those of other raw files or options will not be finished.
        if other != path + PART or dataset.force_reload:
            with suppress(FileNotFoundError):
                os.unlink(other)
    featured = False

    def found(first: int) -> Iterator[Tuple[int, HeteroData]]:
        nonlocal featured
        featured = first > 0
        for record, data in kept(dataset, dataset._reader.streamed(split, first)):
            featured = featured or _is_featured(data)
            yield record, data

    _check(dataset, split, OnDiskPairs.write(path, found), featured)


def _is_featured(data: Any) -> bool:
    r"""Whether an object has features, as far as a transform has left them there."""
    known = isinstance(data, HeteroData) and OBJECT in data.node_types
    features = data[OBJECT].get('feat') if known else None
    return features is None or bool(features.any())


def kept(dataset: Any, pairs: Iterable[Pair]) -> Iterator[Tuple[int, HeteroData]]:
    r"""The graphs that the filter lets through, transformed, each with the number of
    its record."""
    for data in graphs(dataset, pairs):
        record = int(data.sentence)
        if dataset.pre_filter is not None and not dataset.pre_filter(data):
            continue
        if dataset.pre_transform is not None:
            data = dataset.pre_transform(data)
        yield record, data


def _check(dataset: Any, split: str, number: int, featured: bool) -> None:
    if dataset.feature_size > 0 and not featured:
        warnings.warn(f"No object of the {split} split has any of the "
                      f"{dataset.feature_size} features: name a visual source that "
                      f"has ('eega scene --features' writes one)")
    if number == 0:
        raise ValueError(f"The 'pre_filter' left nothing of the {split} split")


def vocabularies_name(dataset: Any) -> str:
    r"""The name of the file of the vocabularies."""
    identity = dataset._reader.identity('train')
    if dataset._extends is not None:
        identity = [*identity, dataset._extends.fingerprint]
    return f'vocabularies_{_version(dataset)}_{digest(identity)}.json'


def processed_name(dataset: Any, split: str) -> str:
    r"""The name of the file of a split."""
    key = digest([
        dataset._reader.identity(split),
        dataset.vocabularies.fingerprint,
        dataset.table,
        dataset.feature_size,
        dataset._reader.notes.encoder(dataset.encoder),
        function_identity(dataset.pre_transform),
        function_identity(dataset.pre_filter),
    ])
    ending = 'db' if dataset.on_disk else 'pt'
    return f'{split}_{_version(dataset)}_{key}.{ending}'


def further_name(dataset: Any, records: Sequence[Record]) -> str:
    r"""The name of the file of further texts."""
    # The name of the split's own file holds a digest of all else.
    key = digest([
        processed_name(dataset, dataset.split),
        dataset._reader.identity_of(records, dataset.split)
    ])
    return f'further_{_version(dataset)}_{key}.pt'


def _version(dataset: Any) -> str:
    return f'{dataset.version}_s{SCHEMA_VERSION}'

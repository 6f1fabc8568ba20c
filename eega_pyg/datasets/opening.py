r"""Whichever data set a folder holds."""
import os.path as osp
from pathlib import Path
from typing import Optional, Union

from eega_pyg.config import Config, DataConfig, TagsConfig
from eega_pyg.formats.conll import SPLIT_FILES
from eega_pyg.schema import JMERE_TAGS, TagSet
from eega_pyg.transforms import Vocabularies

from .gmner import GMNER, TWEET_TAGS, Twitter
from .jmere import JMERE
from .json_lines import JSONLines, check_there, json_file
from .jsonl import Survey, survey
from .pair_dataset import SPLITS, PairDataset

Folder = Union[str, Path]


def kind_of(root: Folder) -> Optional[str]:
    r"""What the raw files of a data set's folder are: ``'mnre'`` for lines of MNRE,
    ``'jsonl'`` for JSON lines, ``'tweets'`` for words and tags in columns, or
    :obj:`None` if there is none of them.

    Raises:
        ValueError: If there are several of them, or if a file is called as no split is.
    """
    files = {
        'mnre': [f'mnre_{split}.txt' for split in SPLITS],
        'jsonl': [f'{split}.jsonl' for split in SPLITS],
        'tweets': [name for split in SPLITS for name in SPLIT_FILES[split]]
    }
    found = {
        kind: name
        for kind, names in files.items()
        for name in names if osp.isfile(osp.join(root, 'raw', name))
    }
    if len(found) > 1:
        first, second = list(found.values())[:2]
        raise ValueError(f"'{Path(root, 'raw')}' holds '{first}' and '{second}', which "
                         f"are of two data sets: leave the files of one there")
    if 'jsonl' in found and not osp.isfile(osp.join(root, 'raw', 'val.jsonl')):
        for name in ('valid.jsonl', 'dev.jsonl', 'validation.jsonl'):
            if osp.isfile(path := osp.join(root, 'raw', name)):
                raise ValueError(f"'{path}' is not read: call it 'val.jsonl'")
    return next(iter(found), None)


def open_dataset(root: Folder, split: str, data: DataConfig = DataConfig(),
                 tags: Optional[TagSet] = None,
                 vocabularies: Optional[Vocabularies] = None, log: bool = True,
                 download: bool = False,
                 extends: Optional[Vocabularies] = None) -> PairDataset:
    r"""A split of the data set in a folder: :class:`~eega_pyg.datasets.JSONLines` where
    ``root/raw`` holds ``train.jsonl``, :class:`~eega_pyg.datasets.JMERE` where it holds
    ``mnre_train.txt``, and :class:`~eega_pyg.datasets.Twitter` or
    :class:`~eega_pyg.datasets.GMNER` where it holds ``train.txt``; in place of the
    train split, another one tells as much.

    Args:
        root (str or Path): The folder.
        split (str): The split.
        data (DataConfig, optional): How its graphs are built.
        tags (TagSet, optional): Types and relations; by default those of the data set.
        vocabularies (Vocabularies, optional): See
            :class:`~eega_pyg.datasets.PairDataset`.
        log (bool, optional): If set to :obj:`False`, shows no progress bars.
            (default: :obj:`True`)
        download (bool, optional): If set to :obj:`True`, a folder with none of these
            becomes JMERE's, whose text is downloaded. (default: :obj:`False`)
        extends (Vocabularies, optional): See :class:`~eega_pyg.datasets.PairDataset`.

    Raises:
        ValueError: As :func:`kind_of` and the data sets; or if lines of MNRE are said
            to name all entities.
        FileNotFoundError: If the folder holds no data set.
    """
    kind = kind_of(root)
    if kind is None and not download:
        raise FileNotFoundError(
            f"'{Path(root, 'raw')}' holds no data set: expected train.jsonl and "
            f"val.jsonl, or mnre_train.txt and mnre_val.txt")
    kwargs = {
        **data.arguments(), 'vocabularies': vocabularies,
        'extends': extends,
        'log': log
    }
    if download:  # Then the validation file is among what is fetched.
        kwargs['validation'] = 0.0
    if kind in (None, 'mnre'):
        if data.entities == 'all':
            raise ValueError(f"data.entities: lines of MNRE name only the entities of "
                             f"their relations, not all ('{root}')")
        return JMERE(str(root), split, tags=tags or JMERE_TAGS, **kwargs)
    for name in ('version', 'mask'):  # They are about lines of MNRE.
        del kwargs[name]
    if kind == 'jsonl':
        return JSONLines(str(root), split, tags, data.entities, data.widen, **kwargs)
    grounded = osp.isdir(osp.join(root, 'raw', GMNER.boxes))
    return (GMNER if grounded else Twitter)(str(root), split, tags or TWEET_TAGS,
                                            **kwargs)


def check_annotated(val: PairDataset, root: Folder) -> None:
    r"""Raises a :class:`ValueError` if a validation split, of the data set in a folder,
    holds no entity, which nothing can be chosen or fitted by."""
    if not any(data.entities for data in val):
        raise ValueError(f"The val split in '{root}' holds no entity in {len(val):,} "
                         f"texts, and the best epoch and probabilities go by them: is "
                         f"its file in another format ('eega convert')?")


def survey_of(config: Config, root: Folder) -> Optional[Survey]:
    r"""What the train split holds, if the tags or the kind of entities are to be read
    off there; else :obj:`None`.

    Raises:
        ValueError: As :func:`~eega_pyg.datasets.survey`.
        FileNotFoundError: If there is no train split.
    """
    named = config.tags.types is not None and config.tags.relations is not None
    if kind_of(root) != 'jsonl' or named and config.data.entities != 'auto':
        return None
    folder = osp.join(root, 'raw')
    check_there(folder, 'train')
    return survey(json_file(folder, 'train'))


def resolved(config: Config, root: Folder, found: Optional[Survey] = None) -> Config:
    r"""A configuration with the tags of a data set where it names none: those of the
    train split of JSON lines, the types of columns, otherwise those of JMERE. Whether
    all entities are annotated is read off too.

    Args:
        config (Config): The configuration.
        root (str or Path): The data set's folder.
        found (Survey, optional): What :func:`survey_of` gives, if it is known.

    Raises:
        ValueError, FileNotFoundError: As :func:`survey_of`.
    """
    found = found or survey_of(config, root)
    tags, entities = JMERE_TAGS, config.data.entities
    if found is not None:
        tags = found.tags
        entities = found.entities if entities == 'auto' else entities
    elif kind_of(root) == 'tweets':
        tags, entities = TWEET_TAGS, 'all'
    own = config.tags
    chosen = TagsConfig(
        types=tags.types if own.types is None else own.types,
        relations=tags.relations if own.relations is None else own.relations)
    data = config.data.model_copy(update={'entities': entities})
    return config.model_copy(update={'tags': chosen, 'data': data})

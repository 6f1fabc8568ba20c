r"""Starting from a saved model, for data that may have other types and relations.

All weights of the model are taken over. Of the tagger, these are the rows of the types
and relations that the new tags share with the model's, by name or by
``train.renamed``, and that of none; the rows of the others start fresh, as
:class:`~eega_pyg.nn.PairTagger` starts them, and those that nothing asks for are left
behind.

Names that only the new data have (dependencies, parts of speech, predicates, …) get
rows of their own, which start as that of an unknown name. So before its first step the
model scores the tags that it has taken over as it did, but that words are counted
together in its old texts and the new ones.
"""
from typing import Any, Dict, NamedTuple, Optional, Tuple

import torch
from rich.table import Table
from torch import Tensor

from eega_pyg.config import Config, DataConfig, ModelConfig
from eega_pyg.datasets.cached import encoder_identity
from eega_pyg.identity import file_sha256
from eega_pyg.json_yaml import read_json
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.nn.models import EEGA
from eega_pyg.saving.folder import PIPELINE, WEIGHTS, find_folder, read_pipeline
from eega_pyg.saving.saved_model import SavedModel, load_model
from eega_pyg.schema import TagSet, listed, located, short

#: What the weights were made for.
MODEL = ('conv', 'heads', 'num_layers', 'edge_dim', 'channels', 'channel_dim',
         'pair_features', 'skip', 'within_trees', 'pair_rank', 'offsets',
         'token_features', 'visual', 'fusion')
DATA = ('encoder', 'spacy_model', 'word_vectors', 'table', 'feature_size')
#: What a run keeps of the model's data where nothing else is asked for.
KEPT = ('max_words', 'max_objects', 'passage_words')

_FILES = ('config.json', WEIGHTS, 'vocabularies.json')


class TagRows(NamedTuple):
    r"""Which tags a model that starts from another one takes over.

    Args:
        taken (dict): The name of each in the other model, by its own.
        fresh (tuple of str): Those that the other model has not.
        dropped (tuple of str): Those of the other model that are not needed.
    """
    taken: Dict[str, str]
    fresh: Tuple[str, ...]
    dropped: Tuple[str, ...]

    def table(self, title: str) -> Table:
        r"""A short table of them."""
        out = Table('', 'types and relations', title=title, show_lines=False)
        same = [new for new, old in self.taken.items() if new == old]
        other = [f'{new} (was {old})' for new, old in self.taken.items() if new != old]
        for what, names in (('taken over', [*same, *other]), ('fresh', self.fresh),
                            ('left behind', self.dropped)):
            out.add_row(what, ', '.join(names) or '-')
        return out


class Start(NamedTuple):
    r"""A saved model that a run starts from.

    Args:
        name (str): What it was asked for as.
        saved (SavedModel): The model.
        options (ModelConfig): Its options.
        data (DataConfig): How its data were built; ``encoder`` is the public name.
        encoder (dict): The architecture of its text encoder.
        digests (dict): The SHA-256 of its files.
        rows (TagRows): Which of its tags are taken over.
    """
    name: str
    saved: SavedModel
    options: ModelConfig
    data: DataConfig
    encoder: Dict[str, Any]
    digests: Dict[str, str]
    rows: TagRows

    def note(self, share: float = 0.0) -> Dict[str, Any]:
        r"""What a model that started from it says of it, and of the share that its
        weights have there."""
        note = {
            'model': self.name,
            'sha256': self.digests[WEIGHTS],
            **self.rows._asdict()
        }
        return {**note, 'share': share} if share > 0 else note


def read_start(config: Config, conv: Optional[OwnConv] = None,
               fusion: Optional[OwnFusion] = None) -> Start:
    r"""Reads the model that a configuration names to start from.

    Args:
        config (Config): The configuration.
        conv (torch.nn.Module or callable, optional): The model's graph layer, if that
            is one of your own. (default: :obj:`None`)
        fusion (torch.nn.Module or callable, optional): Likewise its fusion.
            (default: :obj:`None`)

    Raises:
        ValueError: If a file of it is broken, if the layer or the fusion is missing or
            is not wanted, or as :func:`match_tags`.
        FileNotFoundError: If there is no such model.
        OSError: If it was shrunk and its public text encoder cannot be had.
    """
    name = config.train.start
    folder = find_folder(name)
    with located('train.start'):
        for part, own in (('conv', conv), ('fusion', fusion)):
            if own is not None and (folder / 'config.json').is_file():
                stored = read_json(folder / 'config.json')
                kind = stored.get(part) if isinstance(stored, dict) else None
                if isinstance(kind, str):
                    raise ValueError(f"'{name}' has {part}={short(kind)}: it cannot "
                                     f"start with another one")
        saved = load_model(folder, conv=conv, fusion=fusion)
    stored = read_json(folder / 'config.json')
    options = {
        field: value
        for field, value in stored.items()
        if field in ModelConfig.model_fields and not isinstance(value, dict)
    }
    data = Config.from_dict({'data': read_pipeline(folder / PIPELINE)['data']}).data
    if not _same_tokenizer(data.encoder, saved.data.encoder):
        # The folder has its own, whatever has become of the other.
        data = data.model_copy(update={'encoder': saved.data.encoder})
    rows = match_tags(config.tags.tag_set(), saved.model.tag_set,
                      dict(config.train.renamed))
    return Start(name, saved, ModelConfig.model_validate(options), data,
                 stored['encoder'],
                 {file: file_sha256(folder / file)
                  for file in _FILES}, rows)


def _same_tokenizer(first: str, second: str) -> bool:
    try:
        return encoder_identity(first) == encoder_identity(second)
    except (OSError, ValueError):
        return False


def started_from(config: Config, start: Start) -> Config:
    r"""A configuration with the architecture of the model to start from, and with its
    other options where the configuration does not set them.

    Raises:
        ValueError: Naming the option, if the configuration sets one that the weights do
            not allow.
    """
    sections: Dict[str, Any] = {}
    for name, fixed, given, own in (('model', MODEL, config.model, start.options),
                                    ('data', DATA, config.data, start.data)):
        stated = {field: getattr(given, field) for field in given.model_fields_set}
        for field in fixed:
            value = getattr(own, field)
            if stated.get(field, value) != value:
                raise ValueError(
                    f"{name}.{field}: the model '{start.name}' to start from has "
                    f"{short(value)}, which its weights were made for (got "
                    f"{short(stated[field])}): leave the option out, or train without "
                    f"train.start")
        kept = ModelConfig.model_fields if name == 'model' else (*fixed, *KEPT)
        update = {
            field: getattr(own, field)
            for field in kept if field in fixed or field not in stated
        }
        sections[name] = given.model_copy(update=update)
    return config.model_copy(update=sections)


def match_tags(new: TagSet, old: TagSet, renamed: Dict[str, str]) -> TagRows:
    r"""Which tags are taken over: those with the same name, and those that were
    renamed. A relation is never a type.

    Args:
        new (TagSet): The tags of the data.
        old (TagSet): Those of the model to start from.
        renamed (dict): The old name of tags that have a new one.

    Raises:
        ValueError: Naming the tag, if one of :obj:`renamed` is unknown, or is a type
            here and a relation there.
    """
    ours, theirs = _kinds(new), _kinds(old)
    for name, other in renamed.items():
        for word, known, whose in ((name, ours, 'the data'),
                                   (other, theirs, 'the model to start from')):
            if word not in known:
                raise ValueError(f"train.renamed: {short(word)} is no type or relation "
                                 f"of {whose} (known: {listed(known)})")
        if ours[name] != theirs[other]:
            raise ValueError(f"train.renamed: {short(name)} is a {ours[name]} of the "
                             f"data and {short(other)} a {theirs[other]} of the model "
                             f"to start from")
    taken = {
        name: renamed.get(name, name)
        for name, kind in ours.items() if theirs.get(renamed.get(name, name)) == kind
    }
    used = set(taken.values())
    return TagRows(taken, tuple(n for n in ours if n not in taken),
                   tuple(n for n in theirs if n not in used))


def _kinds(tags: TagSet) -> Dict[str, str]:
    return {
        **dict.fromkeys(tags.types, 'type'),
        **dict.fromkeys(tags.relations, 'relation')
    }


@torch.no_grad()
def take_over(model: EEGA, start: Start) -> None:
    r"""Fills a model with the weights of the one to start from.

    Args:
        model (EEGA): The model, with weights as it was initialised, and with
            vocabularies that extend those of the other.
        start (Start): The model to start from.

    Raises:
        ValueError: Naming a weight that does not fit.
    """
    old, new = start.saved.model.state_dict(), model.state_dict()
    if old.keys() != new.keys():
        name = min(old.keys() ^ new.keys())
        raise ValueError(f"'{start.name}' cannot be started from: its weights are "
                         f"others ('{name}')")
    for name, tensor in new.items():
        if not name.startswith('tagger.'):
            _fill(name, tensor, old[name], start.name)
    tags, taken = start.saved.model.tag_set, start.rows.taken
    model.tagger.take_over(start.saved.model.tagger, [
        0, *(tags.id(taken[n]) if n in taken else None for n in model.tag_set.names[1:])
    ])


@torch.no_grad()
def mix_with_start(model: EEGA, start: Start, share: float) -> None:
    r"""Moves the weights of a trained model back towards those that it started from
    (`"Robust Fine-Tuning of Zero-Shot Models" <https://arxiv.org/abs/2109.01903>`_).
    The rows of tags that it did not take over stay as they are.

    Args:
        model (EEGA): The trained model, on the CPU.
        start (Start): What :func:`take_over` filled it with before its training.
        share (float): How far: 0 leaves it as it is, at 1 the weights are as before.
    """
    trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    take_over(model, start)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    bias = 'tagger.lin_row.bias'  # Of fresh tags, it was set and not taken.
    fresh = [model.tag_set.id(name) for name in start.rows.fresh]
    before[bias][fresh] = trained[bias][fresh]
    for name, tensor in model.state_dict().items():
        mixed = trained[name]
        if tensor.is_floating_point():
            mixed = before[name].lerp(mixed, 1 - share)
        tensor.copy_(mixed)


def _fill(name: str, tensor: Tensor, source: Tensor, start: str) -> None:
    r"""Copies a weight. A table may have further rows, of names that are new: they
    start as row 0, that of unknown names."""
    if (tensor.shape[1:] != source.shape[1:] or tensor.dim() != source.dim()
            or len(tensor) < len(source)):
        raise ValueError(f"'{start}' cannot be started from: its weight '{name}' is "
                         f"{list(source.shape)}, and {list(tensor.shape)} is needed")
    if tensor.dim() == 0:
        tensor.copy_(source)
        return
    tensor[:len(source)] = source
    tensor[len(source):] = source[:1]

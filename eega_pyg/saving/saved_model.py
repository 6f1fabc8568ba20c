r"""A saved model's folder: the layout of the Hugging Face hub.

======================  ==========================================================
``config.json``         arguments of :class:`~eega_pyg.nn.models.EEGA`
``model.safetensors``   weights
``vocabularies.json``   what was fitted on the training split
``tokenizer.json`` …    the text encoder's tokenizer
``pipeline.json``       how text and images become graphs
``README.md``           the model card
======================  ==========================================================

``model.safetensors`` may hold less than the whole model, see
:func:`~eega_pyg.saving.shrink.shrink`; ``pipeline.json`` then says what is left out.
"""
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, NamedTuple, Optional, Union

import safetensors.torch

from eega_pyg.config import Config, DataConfig
from eega_pyg.files import short_reason, write_text
from eega_pyg.json_yaml import read_json
from eega_pyg.nn import OwnConv, OwnFusion
from eega_pyg.nn.models import EEGA
from eega_pyg.resolve import load_tokenizer
from eega_pyg.saving.folder import (
    FORMAT,
    PIPELINE,
    TOKENIZER,
    WEIGHTS,
    find_folder,
    read_pipeline,
)
from eega_pyg.saving.scales import Scale, Scales
from eega_pyg.saving.thresholds import Thresholds
from eega_pyg.saving.weights import load_small
from eega_pyg.schema import Signatures, located, short
from eega_pyg.transforms import Vocabularies


class SavedModel(NamedTuple):
    r"""What a folder holds.

    Args:
        model (EEGA): The model, in evaluation mode.
        vocabularies (Vocabularies): What its training data were numbered by.
        data (DataConfig): How its data were built; ``encoder`` is the folder, for its
            tokenizer.
        signatures (set, optional): The (type, relation, type) triples that decoding
            may use, or :obj:`None` for all.
        temperature (float): See :func:`~eega_pyg.training.calibration.fit_temperature`.
        scales (Scales): See :func:`~eega_pyg.training.calibration.fit_scales`.
        thresholds (Thresholds): What is less probable is left out, if nothing else is
            asked for.
    """
    model: EEGA
    vocabularies: Vocabularies
    data: DataConfig
    signatures: Optional[Signatures]
    temperature: float = 1.0
    scales: Scales = Scales()
    thresholds: Thresholds = Thresholds()


def save_model(folder: Union[str, Path], model: EEGA, vocabularies: Vocabularies,
               config: Config, scores: Optional[Dict[str, float]] = None,
               temperature: float = 1.0, scales: Scales = Scales(),
               thresholds: Thresholds = Thresholds(),
               start: Optional[Dict[str, Any]] = None, caveat: str = '') -> None:
    r"""Writes a model and all that is needed to use it.

    Args:
        folder (str or Path): Created where it is not there.
        model (EEGA): The model.
        vocabularies (Vocabularies): What its training data were numbered by.
        config (Config): The run's configuration.
        scores (dict, optional): Validation scores for the model card.
        temperature (float, optional): See
            :func:`~eega_pyg.training.calibration.fit_temperature`.
            (default: :obj:`1.0`)
        scales (Scales, optional): See
            :func:`~eega_pyg.training.calibration.fit_scales`. By default they change
            nothing.
        thresholds (Thresholds, optional): What is less probable is left out, if nothing
            else is asked for. By default nothing is.
        start (dict, optional): The model that its training started from, see
            :meth:`eega_pyg.training.start.Start.note`. (default: :obj:`None`)
        caveat (str, optional): What is to be said beside the scores.
            (default: :obj:`''`)
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Beside the files of a model that is there already, which they then replace.
    with TemporaryDirectory(prefix='.', dir=folder) as temporary:
        model.save_pretrained(temporary)
        load_tokenizer(config.data.encoder).save_pretrained(temporary)
        for path in Path(temporary).iterdir():
            os.replace(path, folder / path.name)
    vocabularies.save(folder)
    pipeline = {
        'format': FORMAT,
        'data': config.to_dict()['data'],
        'signatures': config.train.signatures,
        'temperature': temperature,
        'vocabularies': vocabularies.fingerprint,
        **({} if start is None else {
               'start': start
           }),
    }
    write_text(folder / PIPELINE, json.dumps(pipeline, indent=2) + '\n')
    write_scales(folder / PIPELINE, scales, thresholds)
    write_text(folder / 'README.md', model_card(model, config, scores, start, caveat))


def write_scales(path: Path, scales: Scales, thresholds: Thresholds) -> None:
    r"""Replaces the scales and the thresholds in a ``pipeline.json``."""
    pipeline = {
        **read_pipeline(path),
        'scales': {
            name: list(scale)
            for name, scale in scales._asdict().items() if scale is not None
        },
        'threshold': thresholds.quintuple,
        'entity_threshold': thresholds.entity,
    }
    write_text(path, json.dumps(pipeline, indent=2) + '\n')


def load_model(name: Optional[Union[str, Path]] = None, revision: Optional[str] = None,
               token: Optional[Union[str, bool]] = None,
               cache_dir: Optional[Union[str, Path]] = None,
               local_files_only: bool = False, conv: Optional[OwnConv] = None,
               fusion: Optional[OwnFusion] = None) -> SavedModel:
    r"""Reads a saved model.

    Args:
        name (str or Path, optional): A folder, a checkpoint that comes with the
            package, or a model of the Hugging Face hub. By default this is the
            checkpoint of the package.
        revision (str, optional): A branch, tag or commit of the model on the hub.
        token (str or bool, optional): The token to log in to the hub with;
            :obj:`True` takes the stored one.
        cache_dir (str or Path, optional): Where downloads are kept.
        local_files_only (bool, optional): If set to :obj:`True`, the hub is not asked
            and only what was downloaded before is found. (default: :obj:`False`)
        conv (torch.nn.Module or callable, optional): The graph layer, if the model has
            one of your own, see :class:`~eega_pyg.nn.models.EEGA`.
            (default: :obj:`None`)
        fusion (torch.nn.Module or callable, optional): The fusion of text and image, if
            the model has one of your own. (default: :obj:`None`)

    Raises:
        ValueError: Naming the file, if one is broken or belongs to another model.
        FileNotFoundError: If a file is missing.
        OSError: If the model was shrunk and its public text encoder cannot be had.
    """
    folder = find_folder(name, revision=revision, token=token, cache_dir=cache_dir,
                         local_files_only=local_files_only).absolute()
    for file in ('config.json', WEIGHTS, PIPELINE, *TOKENIZER):
        if not (folder / file).is_file():
            raise FileNotFoundError(f"'{folder}' is not a saved model: there is no "
                                    f"'{file}' in it")
    pipeline = read_pipeline(folder / PIPELINE)
    vocabularies = Vocabularies.load(folder)
    if vocabularies.fingerprint != pipeline['vocabularies']:
        raise ValueError(f"{folder}: the vocabularies are of another model (copy the "
                         f"whole folder, or train again)")
    try:
        # Not `from_pretrained`, which prints to the standard output.
        config = read_json(folder / 'config.json')
        _check_fit(config, vocabularies)
        own = {'conv': conv, 'fusion': fusion}
        model = EEGA(**{**config, **{k: v for k, v in own.items() if v is not None}})
        if 'weights' not in pipeline:
            safetensors.torch.load_model(model, folder / WEIGHTS)
    except Exception as e:  # Each of the libraries below has its own.
        reason = short_reason(e, 300)
        raise ValueError(f"{folder}: 'config.json' and 'model.safetensors' do not make "
                         f"a model: {reason}") from e
    if 'weights' in pipeline:
        load_small(model, folder / WEIGHTS, pipeline['weights'])
    with located(folder / PIPELINE):
        data = Config.from_dict({'data': pipeline['data']}).data
    return SavedModel(
        model.eval(), vocabularies, data.model_copy(update={'encoder': str(folder)}),
        vocabularies.signatures if pipeline['signatures'] else None,
        pipeline['temperature'], _scales(pipeline),
        Thresholds(pipeline.get('threshold', 0.0),
                   pipeline.get('entity_threshold', 0.0)))


_ENTITIES = ('those of a relation; it was not trained to find others',
             'all, also those of no relation')


def model_card(model: EEGA, config: Config, scores: Optional[Dict[str, float]] = None,
               start: Optional[Dict[str, Any]] = None, caveat: str = '') -> str:
    r"""The README of a saved model."""
    tags = model.tag_set
    lines = [
        '---', 'library_name: eega_pyg', 'tags: [relation-extraction, multimodal]',
        '---', '', '# EEGA: entities and relations from text with pictures', '',
        'Joint multimodal entity-relation extraction with an edge-enhanced graph '
        'alignment network and word-pair relation tagging, as implemented by eega_pyg.',
        '', f'- text encoder: `{config.data.encoder}`',
        f'- parser: `{config.data.spacy_model}`', f'- tag table: {model.table}',
        f'- types: {", ".join(tags.types)}',
        f'- relations: {", ".join(tags.relations) or "none"}',
        f'- entities: {_ENTITIES[config.data.entities == "all"]}'
    ]
    if start is not None:
        lines += _start_lines(start)
    lines += ['']
    if scores:
        lines += ['| validation score | % |', '| --- | --- |']
        lines += [f'| {name} | {100 * value:.2f} |' for name, value in scores.items()]
        lines += ['', *([caveat, ''] if caveat else [])]
    lines += [
        '```python', 'from eega_pyg import Extractor',
        "extractor = Extractor.from_pretrained('path/to/this/folder')",
        "print(extractor('Some text .', caption='what the picture shows'))", '```', ''
    ]
    return '\n'.join(lines)


def _start_lines(start: Dict[str, Any]) -> List[str]:
    taken = [
        new if new == old else f'{new} (there {old})'
        for new, old in start['taken'].items()
    ]
    parts = [('taken over', taken), ('fresh', start['fresh']),
             ('left behind', start['dropped'])]
    tags = '; '.join(f'{what} {", ".join(names)}' for what, names in parts if names)
    lines = [
        f"- started from: `{start['model']}`, whose `{WEIGHTS}` has the SHA-256 "
        f"`{start['sha256']}` ({tags})"
    ]
    if 'share' in start:
        lines += [
            f"- each weight that was taken over: {start['share']:g} of what it was, "
            f"and the rest of what training made of it"
        ]
    return lines


def _scales(pipeline: Dict[str, Any]) -> Scales:
    given = pipeline.get('scales', {})
    return Scales(
        **{name: Scale(*given[name])
           for name in Scales._fields if name in given})


def _check_fit(config: Any, vocabularies: Vocabularies) -> None:
    r"""Refuses a model with fewer rows in a table than there are ids."""
    if not isinstance(config, dict):
        raise ValueError("expected the arguments of a model")
    sizes = config.get('sizes')
    for name, size in vocabularies.sizes.items():
        given = sizes.get(name) if isinstance(sizes, dict) else None
        if given != size:
            raise ValueError(f"sizes.{name}: expected {size}, as many as in the "
                             f"vocabularies (got {short(given)})")

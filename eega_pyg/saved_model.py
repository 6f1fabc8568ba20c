r"""A saved model's folder: the layout of the Hugging Face hub.

======================  ==========================================================
``config.json``         arguments of :class:`~eega_pyg.nn.models.EEGA`
``model.safetensors``   weights
``vocabularies.json``   what was fitted on the training split
``tokenizer.json`` …    the text encoder's tokenizer
``pipeline.json``       how text and images become graphs
``README.md``           the model card
======================  ==========================================================
"""
import dataclasses
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Union

import safetensors.torch

from eega_pyg.atomic import write_text
from eega_pyg.config import Config, DataConfig
from eega_pyg.nn.models import EEGA
from eega_pyg.schema import Signatures
from eega_pyg.transforms import Vocabularies

PIPELINE = 'pipeline.json'
TOKENIZER = 'tokenizer.json'
FORMAT = 1


class SavedModel(NamedTuple):
    r"""What a folder holds.

    Args:
        model (EEGA): The model, in evaluation mode.
        vocabularies (Vocabularies): What its training data were numbered by.
        data (DataConfig): How its data were built; ``encoder`` is the folder, for its
            tokenizer.
        signatures (set, optional): The (type, relation, type) triples that decoding
            may use, or :obj:`None` for all.
    """
    model: EEGA
    vocabularies: Vocabularies
    data: DataConfig
    signatures: Optional[Signatures]


def save_model(folder: Union[str, Path], model: EEGA, vocabularies: Vocabularies,
               config: Config, scores: Optional[Dict[str, float]] = None) -> None:
    r"""Writes a model and all that is needed to use it.

    Args:
        folder (str or Path): Created where it is not there.
        model (EEGA): The model.
        vocabularies (Vocabularies): What its training data were numbered by.
        config (Config): The run's configuration.
        scores (dict, optional): Validation scores for the model card.
    """
    from eega_pyg.resolve import load_tokenizer
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    load_tokenizer(config.data.encoder).save_pretrained(folder)
    vocabularies.save(folder)
    pipeline = {
        'format': FORMAT,
        'data': dataclasses.asdict(config.data),
        'signatures': config.train.signatures,
        'vocabularies': vocabularies.fingerprint,
    }
    write_text(folder / PIPELINE, json.dumps(pipeline, indent=2) + '\n')
    write_text(folder / 'README.md', model_card(model, config, scores))


def load_model(name: Union[str, Path]) -> SavedModel:
    r"""Reads a saved model from a folder or, by its name, from the Hugging Face hub.

    Raises:
        ValueError: Naming the file, if one is broken or belongs to another model.
        FileNotFoundError: If a file is missing.
    """
    folder = _folder(name)
    for file in ('config.json', 'model.safetensors', PIPELINE, TOKENIZER):
        if not (folder / file).is_file():
            raise FileNotFoundError(f"'{folder}' is not a saved model: there is no "
                                    f"'{file}' in it")
    pipeline = _read_pipeline(folder / PIPELINE)
    vocabularies = Vocabularies.load(folder)
    if vocabularies.fingerprint != pipeline['vocabularies']:
        raise ValueError(f"{folder}: the vocabularies are of another model (copy the "
                         f"whole folder, or train again)")
    try:
        # Not `from_pretrained`, which prints to the standard output.
        config = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
        model = EEGA(**config)
        safetensors.torch.load_model(model, folder / 'model.safetensors')
    except Exception as e:  # Each of the libraries below has its own.
        reason = str(e).splitlines()[0]
        raise ValueError(f"{folder}: 'config.json' and 'model.safetensors' do not make "
                         f"a model: {reason}") from e
    data = Config.from_dict({'data': pipeline['data']}).data
    return SavedModel(model.eval(), vocabularies,
                      dataclasses.replace(data, encoder=str(folder)),
                      vocabularies.signatures if pipeline['signatures'] else None)


def _folder(name: Union[str, Path]) -> Path:
    if Path(name).is_dir():
        return Path(name)
    if isinstance(name, Path) or name.count('/') != 1 or name.startswith(('.', '/')):
        raise FileNotFoundError(f"There is no folder '{name}'")
    from huggingface_hub import snapshot_download
    try:
        return Path(snapshot_download(name))
    except Exception as e:
        reason = str(e).splitlines()[0]
        raise FileNotFoundError(
            f"There is no folder '{name}', and the Hugging Face "
            f"hub does not give a model of that name: {reason}") from e


def _read_pipeline(path: Path) -> Dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as e:
        raise ValueError(f"{path}: not valid JSON: {e}") from None
    needed = {'format', 'data', 'signatures', 'vocabularies'}
    if not isinstance(value, dict) or not needed <= set(value):
        raise ValueError(f"{path}: expected the fields {sorted(needed)}")
    if value['format'] != FORMAT:
        raise ValueError(f"{path}: format {value['format']!r} was written by another "
                         f"version of eega_pyg (this one reads {FORMAT})")
    return value


def model_card(model: EEGA, config: Config,
               scores: Optional[Dict[str, float]] = None) -> str:
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
        f'- relations: {", ".join(tags.relations) or "none"}', ''
    ]
    if scores:
        lines += ['| validation score | % |', '| --- | --- |']
        lines += [f'| {name} | {100 * value:.2f} |' for name, value in scores.items()]
        lines += ['']
    lines += [
        '```python', 'from eega_pyg import Extractor',
        "extractor = Extractor.from_pretrained('path/to/this/folder')",
        "print(extractor('Some text .', caption='what the picture shows'))", '```', ''
    ]
    return '\n'.join(lines)

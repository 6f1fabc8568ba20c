r"""What a saved model's folder is made of, and where it is."""
import json
import shutil
from pathlib import Path
from typing import Any, Dict, Optional, Union

from eega_pyg.files import atomic

WEIGHTS = 'model.safetensors'
PIPELINE = 'pipeline.json'
TOKENIZER = ('tokenizer.json', 'tokenizer_config.json')
FORMAT = 3

#: Checkpoints that come with the package, and the one that is meant without a name.
CHECKPOINTS = Path(__file__).parent / 'checkpoints'
DEFAULT_CHECKPOINT = 'jmere-minilm'


def find_folder(name: Optional[Union[str, Path]]) -> Path:
    r"""The folder of a saved model: :obj:`name` itself, a checkpoint of the package
    (without a name the default one), or what the Hugging Face hub gives.

    Raises:
        FileNotFoundError: If there is no such model.
    """
    if name is None:
        folder = CHECKPOINTS / DEFAULT_CHECKPOINT
        if not folder.is_dir():
            raise FileNotFoundError(
                "This installation of eega_pyg carries no checkpoint: name a model "
                "(--model FOLDER), which 'eega train' writes")
        return folder
    if Path(name).is_dir():
        return Path(name)
    if isinstance(name, str) and '/' not in name and (CHECKPOINTS / name /
                                                      PIPELINE).is_file():
        return CHECKPOINTS / name
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


def copy_model(source: Union[str, Path], target: Union[str, Path]) -> None:
    r"""Copies the files of a saved model, without what only its training needs."""
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(source).iterdir()):
        if path.is_file() and not path.name.startswith('.'):
            with atomic(target / path.name) as temporary:
                shutil.copyfile(path, temporary)


def read_pipeline(path: Path) -> Dict[str, Any]:
    r"""The content of a ``pipeline.json``; a :class:`ValueError` names the file."""
    try:
        value = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as e:
        raise ValueError(f"{path}: not valid JSON: {e}") from None
    needed = {'format', 'data', 'signatures', 'temperature', 'vocabularies'}
    if not isinstance(value, dict) or not needed <= set(value):
        raise ValueError(f"{path}: expected the fields {sorted(needed)}")
    if value['format'] != FORMAT:
        raise ValueError(f"{path}: format {value['format']!r} was written by another "
                         f"version of eega_pyg (this one reads {FORMAT})")
    temperature = value['temperature']
    if not isinstance(temperature, (int, float)) or not 0 < temperature < 1e3:
        raise ValueError(f"{path}: temperature: expected a number above 0 (got "
                         f"{temperature!r})")
    return value

r"""What a saved model's folder is made of, and where it is."""
import re
import shutil
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Dict, Optional, Tuple, Union

from pydantic import ConfigDict, Field
from typing_extensions import NotRequired, TypedDict

from eega_pyg.files import atomic, short_reason
from eega_pyg.json_yaml import read_json
from eega_pyg.schema import Flag, Name, Number, Share, short, validated

WEIGHTS = 'model.safetensors'
PIPELINE = 'pipeline.json'
TOKENIZER = ('tokenizer.json', 'tokenizer_config.json')
# All that a model consists of; tokenizers may have more files than two.
_FILES = frozenset(('README.md', 'LICENSE', 'config.json', WEIGHTS, PIPELINE,
                    'vocabularies.json', *TOKENIZER, 'special_tokens_map.json',
                    'added_tokens.json', 'vocab.txt', 'vocab.json', 'merges.txt',
                    'spiece.model', 'tokenizer.model', 'sentencepiece.bpe.model'))
FORMAT = 3

# A user's name has no dot on the hub.
_HUB_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9][A-Za-z0-9._-]*')

#: Checkpoints that come with the package, and the one that is meant without a name.
CHECKPOINTS = Path(__file__).parent / 'checkpoints'
DEFAULT_CHECKPOINT = 'jmere-minilm'


def find_folder(name: Optional[Union[str, Path]], **hub: Any) -> Path:
    r"""The folder of a saved model: :obj:`name` itself, a checkpoint of the package
    (without a name the default one), or what the Hugging Face hub gives.

    A name that looks like a path, or nearly like a folder that is there, is never
    looked for on the hub, so that a mistyped folder starts no download.

    Args:
        name (str or Path, optional): The folder, the checkpoint or the model's name.
        **hub (optional): Further arguments of
            :func:`~huggingface_hub.snapshot_download`.

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
    if Path(name).parent == Path() and (CHECKPOINTS / name / PIPELINE).is_file():
        return CHECKPOINTS / name
    if isinstance(name, Path) or not _HUB_NAME.fullmatch(name):
        raise FileNotFoundError(
            f"There is no folder '{Path(name).absolute()}', and '{name}' is neither a "
            f"checkpoint of the package nor the name of a model of the Hugging Face "
            f"hub (USER/MODEL)")
    if Path(name).parent.is_dir():
        raise FileNotFoundError(
            f"There is no '{Path(name).name}' in the folder "
            f"'{Path(name).parent.absolute()}': '{name}' is taken for a path, not for "
            f"a model of the Hugging Face hub, because that folder exists")
    if meant := _nearly(name):
        raise FileNotFoundError(
            f"There is no folder '{name}': was '{meant}' meant? A model '{name}' of "
            f"the Hugging Face hub is not looked for where a folder has nearly its "
            f"name: 'hf download {name} --local-dir FOLDER' gets it")
    from huggingface_hub import snapshot_download
    try:
        return Path(snapshot_download(name, **hub))
    except Exception as e:  # The HTTP library's errors differ between versions.
        reason = short_reason(e, 200)
        raise FileNotFoundError(
            f"There is no folder '{name}', and the Hugging Face hub does not give a "
            f"model of that name: {reason}") from e


def _nearly(name: str) -> Optional[str]:
    r"""A saved model whose folder is called nearly as :obj:`name`."""
    place = Path()
    for part in Path(name).parts:
        folders = [p.name for p in place.iterdir() if p.is_dir()]
        meant = get_close_matches(part, folders, 1, 0.7)
        if not meant:
            return None
        place /= meant[0]
    return str(place) if (place / PIPELINE).is_file() else None


def copy_model(source: Union[str, Path], target: Union[str, Path]) -> None:
    r"""Copies the files of a saved model, and nothing else that lies in its folder."""
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(Path(source).iterdir()):
        if path.is_file() and path.name in _FILES:
            with atomic(target / path.name) as temporary:
                shutil.copyfile(path, temporary)


# Bounded, so that no exponential overflows.
_Slope = Annotated[Number, Field(gt=0, lt=40)]
_Scale = Tuple[_Slope, Annotated[Number, Field(gt=-99, lt=99)]]


class _Scales(TypedDict):
    entity: _Scale
    quintuple: _Scale
    prose: NotRequired[_Scale]


class _Pipeline(TypedDict):
    __pydantic_config__ = ConfigDict(extra='allow')  # type: ignore[misc]
    format: Any
    data: Dict[str, Any]
    signatures: Flag
    temperature: Annotated[Number, Field(gt=0, lt=1e3)]
    scales: NotRequired[_Scales]
    threshold: NotRequired[Share]
    entity_threshold: NotRequired[Share]
    vocabularies: Name


def read_pipeline(path: Path) -> Dict[str, Any]:
    r"""The content of a ``pipeline.json``; a :class:`ValueError` names file and
    field."""
    value = read_json(path)
    if isinstance(value, dict) and value.get('format', FORMAT) != FORMAT:
        raise ValueError(f"{path}: format {short(value['format'])} was written by "
                         f"another version of eega_pyg (this one reads {FORMAT})")
    return validated(_Pipeline, value, path)

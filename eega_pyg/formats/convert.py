r"""Texts from one format into another."""
import os
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from eega_pyg.files import atomic, check_apart, check_file, is_stream, write_text
from eega_pyg.schema import Span, TagSet, listed, located, short

from . import (
    brat,
    conll,
    docbin,
    doccano,
    gliner,
    label_studio,
    mnre,
    native,
    prodigy,
    spert,
)
from .annotated import AnnotatedText
from .held import fitted
from .recognition import recognized
from .words import Tokenizer

#: The folder in which brat keeps its texts is the only format that is no file.
FOLDERS = frozenset({'brat'})


class Format(NamedTuple):
    r"""A format of annotated texts.

    Args:
        read (callable): Takes a path and a counter of what is left out, and yields
            texts.
        write (callable): Takes texts and a path. May return the contents of files that
            belong beside it, by what their names end in.
        holds (frozenset of str): What it holds, of
            :obj:`~eega_pyg.formats.held.FEATURES`.
    """
    read: Callable[[Path, 'Counter[str]'], Iterator[AnnotatedText]]
    write: Callable[[Iterable[AnnotatedText], Path], Optional[Mapping[str, str]]]
    holds: FrozenSet[str]


#: All formats, by their names.
FORMATS: Dict[str, Format] = {
    'jsonl': Format(native.read, native.write, native.HOLDS),
    'mnre': Format(mnre.read, mnre.write, mnre.HOLDS),
    'conll': Format(conll.read, conll.write, conll.HOLDS),
    'spert': Format(spert.read, spert.write, spert.HOLDS),
    'brat': Format(brat.read, brat.write, brat.HOLDS),
    'doccano': Format(doccano.read, doccano.write, doccano.HOLDS),
    'label-studio': Format(label_studio.read, label_studio.write, label_studio.HOLDS),
    'gliner': Format(gliner.read, gliner.write, gliner.HOLDS),
    'prodigy': Format(prodigy.read, prodigy.write, prodigy.HOLDS),
    'spacy': Format(docbin.read, docbin.write, docbin.HOLDS),
}


def read_texts(path: Union[str, Path], form: Optional[str] = None,
               tags: Optional[TagSet] = None, overlapping: bool = False,
               left_out: 'Optional[Counter[str]]' = None) -> Iterator[AnnotatedText]:
    r"""Yields the texts of a file, one after the other where the format is one of
    lines.

    Args:
        path (str or Path): The file, or the folder of brat.
        form (str, optional): Its format, one of :obj:`FORMATS`. By default that of
            :func:`recognized`.
        tags (TagSet, optional): The known types and relations; by default all names
            are known. (default: :obj:`None`)
        overlapping (bool, optional): If set to :obj:`True`, entities may overlap.
            (default: :obj:`False`)
        left_out (Counter, optional): Counts what stands in the file and is not taken
            over, by what it is. (default: :obj:`None`)

    Raises:
        ValueError: Naming the file and the line, if something is wrong; or if the
            format is not known.
        OSError: If the file cannot be read.
    """
    path = Path(path)
    form = _known(form) if form else recognized(path)
    for text in FORMATS[form].read(path, Counter() if left_out is None else left_out):
        with located(text.place):
            _check_tags(text, tags)
            if not overlapping and (pair := text.overlapping()):
                names = [short(text.text[e.start:e.end]) for e in pair]
                raise ValueError(f"the entities {names[0]} [{pair[0].start}, "
                                 f"{pair[0].end}) and {names[1]} [{pair[1].start}, "
                                 f"{pair[1].end}) overlap, which no model learns: "
                                 f"correct them, or keep both (--overlapping)")
        yield text


def write_texts(texts: Iterable[AnnotatedText], path: Union[str, Path],
                form: Optional[str] = None, tokenize: Optional[Tokenizer] = None,
                widen: bool = False) -> 'Counter[str]':
    r"""Writes texts, in one step: nothing is left of a file that could not be finished.

    Args:
        texts (iterable of AnnotatedText): The texts.
        path (str or Path): The file; for brat a folder that is empty or not there.
        form (str, optional): Its format, one of :obj:`FORMATS`. By default its ending
            says it: ``.jsonl``, ``.conll`` or ``.spacy``.
        tokenize (callable, optional): Splits texts into words for the formats that hold
            words. (default: that of spaCy's ``en_core_web_sm``, see
            :meth:`Parser.tokenize <eega_pyg.parsing.Parser.tokenize>`)
        widen (bool, optional): If set to :obj:`True`, an entity that cuts a word gets
            all of it, where the format holds words. (default: :obj:`False`)

    Returns:
        Counter: What the format cannot hold and was left out, by what it is.

    Raises:
        ValueError: Naming the place of the text, if it cannot be written, *e.g.*, since
            an entity cuts a word.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    form = _known(form) if form else _of_ending(path)
    left_out: 'Counter[str]' = Counter()
    kept: List[bool] = []
    cut = tokenize or partial(_default_tokenizer, 'en_core_web_sm')

    def parts() -> Iterator[AnnotatedText]:
        for text in texts:
            with located(text.place):
                part = fitted(text, FORMATS[form].holds, left_out, cut, widen)
            if part is not None:
                kept.append(True)
                yield part
        if left_out and not kept:
            raise ValueError(f"'{form}' holds nothing of the texts (left out: "
                             f"{_parts(left_out)})")

    if form not in FOLDERS:
        check_file(path)
    with (_whole_folder if form in FOLDERS else atomic)(path) as temporary:
        beside = FORMATS[form].write(parts(), Path(temporary)) or {}
        for ending, content in beside.items():
            if not is_stream(path):
                write_text(path.with_suffix(ending), content)
    return +left_out


def convert(source: Union[str, Path], target: Union[str, Path],
            source_form: Optional[str] = None, target_form: Optional[str] = None,
            overlapping: bool = False, widen: bool = False,
            spacy_model: str = 'en_core_web_sm') -> Tuple[int, 'Counter[str]']:
    r"""Reads texts of one format and writes them in another.

    Args:
        source (str or Path): The file, or the folder of brat.
        target (str or Path): The file, or the folder of brat.
        source_form (str, optional): See :func:`read_texts`. (default: :obj:`None`)
        target_form (str, optional): See :func:`write_texts`. (default: :obj:`None`)
        overlapping (bool, optional): See :func:`read_texts`. (default: :obj:`False`)
        widen (bool, optional): See :func:`write_texts`. (default: :obj:`False`)
        spacy_model (str, optional): The spaCy pipeline that splits texts into words.
            (default: :obj:`"en_core_web_sm"`)

    Returns:
        tuple: The number of texts that were read, and what was left out.

    Raises:
        ValueError, OSError: As :func:`read_texts` and :func:`write_texts`; or if both
            are the same file.
    """
    check_apart(Path(source), Path(target))
    left_out: 'Counter[str]' = Counter()
    number = 0

    def counted() -> Iterator[AnnotatedText]:
        nonlocal number
        for text in read_texts(source, source_form, None, overlapping, left_out):
            number += 1
            yield text
        if not number:
            raise ValueError(f"'{source}' holds no text" + (
                f' to learn from (left out: {_parts(left_out)})' if +left_out else ''))

    lost = write_texts(counted(), target, target_form,
                       partial(_default_tokenizer, spacy_model), widen)
    return number, +(left_out + lost)


def _parts(left_out: 'Counter[str]') -> str:
    return ', '.join(f'{number:,} {what}' for what, number in (+left_out).items())


def _of_ending(path: Path) -> str:
    if path.suffix in ('.jsonl', '.conll', '.spacy'):
        return path.suffix[1:]
    raise ValueError(f"'{path}' may be of several formats: name one of "
                     f"{', '.join(FORMATS)} (--to)")


def _known(form: str) -> str:
    if form not in FORMATS:
        raise ValueError(
            f"Expected a format of {', '.join(FORMATS)} (got {short(form)})")
    return form


def _check_tags(text: AnnotatedText, tags: Optional[TagSet]) -> None:
    if tags is None:
        return
    parts: Tuple[Tuple[str, str, Sequence[Any], Sequence[str]], ...] = (
        ('entities', 'type', text.entities, tags.types),
        ('relations', 'relation', text.relations, tags.relations),
    )
    for what, kind, values, known in parts:
        for i, value in enumerate(values):
            if value.type not in known:
                raise ValueError(f"{what}[{i}]: unknown {kind} {short(value.type)} "
                                 f"(known: {listed(known) or 'none'})")


def _default_tokenizer(name: str, text: str) -> Tuple[List[str], List[Span]]:
    return _parser(name).tokenize(text)


@lru_cache(maxsize=1)
def _parser(name: str) -> Any:
    from eega_pyg.parsing import Parser
    return Parser(name)


@contextmanager
def _whole_folder(path: Path) -> Iterator[str]:
    # As `atomic`, for a folder. One that holds anything is never replaced.
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"'{path}' is not an empty folder: name a new one")
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=f'.{path.name}-', dir=path.absolute().parent)
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

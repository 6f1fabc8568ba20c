r"""Given texts from files and from folders of data sets."""
from collections import Counter
from pathlib import Path
from typing import List, Optional, Union

from eega_pyg.formats import AnnotatedText, read_texts
from eega_pyg.formats.conll import SPLIT_FILES


def read_gold(path: Union[str, Path], split: str = 'val', form: Optional[str] = None,
              left_out: 'Optional[Counter[str]]' = None) -> List[AnnotatedText]:
    r"""Reads texts with what is given of them.

    Args:
        path (str or Path): A file in any format of :obj:`~eega_pyg.formats.FORMATS`, or
            the folder of a data set, where ``raw/mnre_{split}.txt``,
            ``raw/{split}.jsonl`` or ``raw/{split}.txt`` (columns of words and tags; of
            the validation split also ``valid.txt`` or ``dev.txt``) is read.
        split (str, optional): The split of a data set. (default: :obj:`"val"`)
        form (str, optional): The format of a file. By default what it looks like.
        left_out (Counter, optional): Counts what is not taken over.
            (default: :obj:`None`)

    Raises:
        ValueError: Naming file and line, if something is wrong; or if a folder has
            several such files.
        OSError: If there is no such file.
    """
    path = Path(path)
    if (path / 'raw').is_dir():
        names = (f'mnre_{split}.txt', f'{split}.jsonl',
                 *SPLIT_FILES.get(split, (f'{split}.txt', )))
        files = [file for n in names if (file := path / 'raw' / n).is_file()]
        if not files:
            hint = '' if split != 'val' else (
                ". Texts that 'eega train' holds out of the training file are scored "
                "with --model alone")
            raise FileNotFoundError(
                f"There is no {split} split in '{path / 'raw'}': no "
                f"file {', '.join(names)}{hint}")
        if len(files) > 1:
            raise ValueError(f"'{files[0]}' and '{files[1]}' may both be the {split} "
                             f"split: name one of the files")
        path, = files
    return read_predictions(path, form, left_out)


def read_predictions(path: Union[str, Path], form: Optional[str] = None,
                     left_out: 'Optional[Counter[str]]' = None) -> List[AnnotatedText]:
    r"""Reads texts with what was predicted in them; entities may overlap.

    Args:
        path (str or Path): A file in any format of :obj:`~eega_pyg.formats.FORMATS`,
            *e.g.*, what ``eega extract`` has written.
        form (str, optional): As of :func:`read_gold`.
        left_out (Counter, optional): As of :func:`read_gold`.

    Raises:
        ValueError, OSError: As :func:`read_gold`; or if the file holds no text.
    """
    texts = list(read_texts(path, form, overlapping=True, left_out=left_out))
    if not texts:
        raise ValueError(f"'{path}' holds no text")
    return texts

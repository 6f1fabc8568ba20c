r"""Downloads raw files."""
import urllib.error
import urllib.request
import warnings
from http.client import HTTPException
from pathlib import Path
from typing import Iterable, Optional

from eega_pyg.files import atomic
from eega_pyg.identity import file_sha256

#: A fixed commit of ``github.com/thecharm/MNRE``.
MNRE_URL = ('https://raw.githubusercontent.com/thecharm/MNRE/'
            '1693df4fc27db86a4cb4b5acf2906c5227085cc4/mnre_txt')
#: The name of each raw file there; one of them has a blank.
REMOTE_NAMES = {
    'mnre_train.txt': 'mnre_train.txt',
    'mnre_val.txt': 'mnre_val%20.txt',
    'mnre_test.txt': 'mnre_test.txt',
}
#: The SHA-256 of each raw file; that of the test split is not known.
CHECKSUMS = {
    'mnre_train.txt':
    '1cc34438a00e2a2db73e4eba297820f926f62abd1fddc693caa13c58b62428b7',
    'mnre_val.txt': 'c76865179b5678167b164c21fd25ed31f9a1416da393ac93ce70f32b00352b75',
}


def download_mnre(folder: str, names: Iterable[str], url: str = MNRE_URL) -> None:
    r"""Downloads those of MNRE's files that a folder lacks.

    Args:
        folder (str): The folder.
        names (iterable of str): The files, see :obj:`REMOTE_NAMES`.
        url (str, optional): Where they are. (default: :obj:`MNRE_URL`)

    Raises:
        FileNotFoundError: If a file beside them is of other data.
        OSError: As :func:`download_file`.
    """
    missing = [name for name in names if not Path(folder, name).is_file()]
    for name, known in CHECKSUMS.items():
        beside = Path(folder, name)
        if missing and beside.is_file() and file_sha256(beside) != known:
            raise FileNotFoundError(
                f"There is no '{Path(folder, missing[0])}'. MNRE's would not fit to "
                f"the '{name}' beside it, which is of other data")
    for name in missing:
        download_file(f'{url}/{REMOTE_NAMES[name]}', str(Path(folder, name)),
                      CHECKSUMS.get(name))


def download_file(url: str, path: str, sha256: Optional[str]) -> None:
    r"""Downloads a file and checks it. If either fails, no file is left.

    Args:
        url (str): The address.
        path (str): The file that is written.
        sha256 (str, optional): The SHA-256 of its content. If it is :obj:`None`, a
            warning says that the file was not checked.

    Raises:
        OSError: Naming both places and what to do by hand, if the file cannot be
            downloaded or has another SHA-256.
    """
    by_hand = f"Fetch it by other means and save it as '{path}'"
    with atomic(path) as temporary:
        try:
            # `torch.hub.download_url_to_file` has no timeout, and without a SHA-256 it
            # keeps a file that the server cut short.
            with urllib.request.urlopen(url, timeout=30) as response:
                content = response.read()
            with open(temporary, 'wb') as f:
                f.write(content)
        except (urllib.error.URLError, HTTPException, OSError) as e:
            raise OSError(f"Cannot download '{url}': {e}. {by_hand}") from None
        found = file_sha256(temporary)
        if sha256 is not None and found != sha256:
            raise OSError(f"What '{url}' gave is not the expected file (SHA-256 "
                          f"{found}, expected {sha256}). {by_hand}")
    if sha256 is None:
        warnings.warn(f"The content of '{url}' was not checked: no SHA-256 of it is "
                      f"known (it has {found})")

r"""Downloads raw files."""
import urllib.error
import urllib.request
import warnings
from http.client import HTTPException
from typing import Optional

from eega_pyg.files import atomic
from eega_pyg.identity import file_sha256


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

r"""Which of the names of a visual source is which image of a data set."""
import warnings
from collections import defaultdict
from typing import Collection, Dict, Iterator, List, Tuple

from eega_pyg.schema import short

#: A number that grows whenever a rule changes. The names of processed files depend on
#: it, so that a change rebuilds them.
NAME_RULES = 1
#: Endings that do not belong to the name of an image; those in a row are the same.
_ENDINGS = {
    ending: row[0]
    for row in (('jpg', 'jpeg', 'jpe'), ('png', ), ('gif', ), ('webp', ), ('bmp', ),
                ('tif', 'tiff'), ('avif', ))
    for ending in row
}
# How many folders of a path are compared.
_FOLDERS = 10
_EXAMPLES = 3


def match_names(images: Collection[str], known: Collection[str]) -> Dict[str, str]:
    r"""Finds the images of a data set among the names that a visual source has.

    A name stands for the image of the same name. Where there is none, it stands for an
    image that differs from it by the ending alone (``a.JPG`` or ``a`` for ``a.jpg``),
    by the folders in front (``images/a.jpg``), or by both, if there is one such image
    and no other such name.

    Args:
        images (collection of str): The names of the images.
        known (collection of str): The names that the source has.

    Returns:
        The source's name of each image that it has.
    """
    found = {image: image for image in images if image in known}
    full: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    below: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    for name in known:
        if name not in found:
            path, ending = _split(name)
            full[path].append((name, ending))
            for tail in _tails(path):
                below[tail].append((name, ending))
    of_image: Dict[str, List[str]] = {}
    uses: Dict[str, int] = defaultdict(int)
    for image in images:
        if image in found:
            continue
        path, ending = _split(image)
        candidates = full.get(path, []) + below.get(path, [])
        candidates += [c for tail in _tails(path) for c in full.get(tail, ())]
        of_image[image] = [
            name for name, other in candidates
            if not ending or not other or ending == other
        ]
        for name in of_image[image]:
            uses[name] += 1
    for image, names in of_image.items():
        if len(names) == 1 and uses[names[0]] == 1:
            found[image] = names[0]
    return found


def warn_of_unmatched(source: str, images: Collection[str], known: Collection[str],
                      found: Dict[str, str]) -> None:
    r"""Warns if fewer than half of the names that could stand for an image do, with
    examples of both sides."""
    if not images or (known and 2 * len(found) >= min(len(images), len(known))):
        return
    if not known:
        warnings.warn(f'{source} names no image')
        return
    used = set(found.values())
    lone = short_list([name for name in known if name not in used])
    left = short_list([image for image in images if image not in found])
    count = len(found) or 'none'
    warnings.warn(f"Of the {len(known):,} images that {source} names, {count} "
                  f"{'is' if len(found) <= 1 else 'are'} among the {len(images):,} "
                  f"images of the texts. It names {lone}; the texts have {left}")


def short_list(names: List[str]) -> str:
    r"""The first of some names, for a message."""
    shown = ', '.join(map(short, names[:_EXAMPLES]))
    return shown + (', ...' if len(names) > _EXAMPLES else '')


def _split(name: str) -> Tuple[str, str]:
    path, dot, ending = name.replace('\\', '/').rpartition('.')
    kind = _ENDINGS.get(ending.lower(), '') if dot else ''
    if not kind:
        path = name.replace('\\', '/')
    parts = [part for part in path.split('/') if part not in ('', '.')]
    return '/'.join(parts[-_FOLDERS:]), kind


def _tails(path: str) -> Iterator[str]:
    r"""The path without its first folder, without its first two, and so on."""
    while '/' in path:
        _, _, path = path.partition('/')
        yield path

r"""Scene graphs of many images and captions, written to a folder."""
import errno
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from eega_pyg.files import check_folder, write_text
from eega_pyg.identity import digest, file_sha256
from eega_pyg.schema import SceneGraph, short
from eega_pyg.vision.captions.parser import CAPTION_RULES, CaptionParser, read_captions
from eega_pyg.vision.images import (
    ImageParser,
    image_extensions,
    load_image,
    parse_images,
)

Merge = Callable[[SceneGraph, SceneGraph], SceneGraph]
Draw = Callable[[Any, SceneGraph, Path], None]

#: The folder of the cache inside the output folder.
CACHE = 'cache'
SUMMARY = 'summary.json'
# Captions that are read at once, and the most bytes of a file's name.
_CAPTIONS, _NAME = 256, 255
# What is wrong with the disk itself, and so with all that comes after.
_FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE)


@dataclass
class Summary:
    r"""The outcome of a run.

    Args:
        written (list of str): Names of the images whose graph was written.
        cached (int): How many of them came from the cache.
        failed (dict): Why others have none, by their names.
    """
    written: List[str] = field(default_factory=list)
    cached: int = 0
    failed: Dict[str, str] = field(default_factory=dict)

    def fail(self, name: str, why: Any) -> None:
        r"""Notes in one line why an image has no graph. What is not UTF-8 in its name,
        as of an old disk, is replaced."""
        name, reason = (x.encode('utf-8', 'replace').decode() for x in (name, str(why)))
        self.failed[name] = ' '.join(reason.split())[:300]


@dataclass
class _Task:
    name: str
    image: Optional[Path] = None
    caption: Optional[str] = None


class SceneRun:
    r"""Writes ``{image name}.json`` for each image and caption to a folder. An image
    and a caption of the same name make one merged graph.

    Graphs of images are kept in a cache under the SHA-256 of the file's content and
    :obj:`settings`. So a stopped run goes on where it was, and a renamed image is not
    parsed again. Images that cannot be read, and names that no file can have, are
    reported and left out.

    Args:
        folder (str or Path): Where the graphs go.
        image_parser (callable): Returns the parser of images, *e.g.*, a
            :class:`~eega_pyg.vision.SceneParser`. It is called once, when there is an
            image that is not in the cache.
        caption_parser (callable): Returns a :class:`~eega_pyg.vision.CaptionParser`.
        merge (callable): Makes one graph of that of an image and that of a caption.
        settings (dict): All options that the graphs depend on, as plain values.
        features (bool, optional): Whether features are written.
            (default: :obj:`False`)
        draw (callable, optional): Draws a graph on its image into a file.
            (default: :obj:`None`)
        batch_size (int, optional): How many images are parsed at once.
            (default: :obj:`8`)
        reads_text (bool, optional): Whether the parser of images looks for what the
            captions name, without which an image is not parsed.
            (default: :obj:`False`)
    """
    def __init__(self, folder: Path, image_parser: Callable[[], ImageParser],
                 caption_parser: Callable[[], CaptionParser], merge: Merge,
                 settings: Dict[str, Any], features: bool = False,
                 draw: Optional[Draw] = None, batch_size: int = 8,
                 reads_text: bool = False) -> None:
        self.folder = Path(folder)
        self.settings = {**settings, 'features': features}
        self.features = features
        self.draw = draw
        self.batch_size = batch_size
        self.merge = merge
        self.reads_text = reads_text
        self._image_parser = image_parser
        self._caption_parser = caption_parser
        self._parser: Optional[ImageParser] = None
        self._captions_parser: Optional[CaptionParser] = None
        self._key = digest(self.settings)

    def run(self, sources: Sequence[Path],
            progress: Callable[[int, int], None] = lambda done, total: None) -> Summary:
        r"""Parses images, the images of folders, and files of captions (``.jsonl``).

        Args:
            sources (sequence of Path): The images, folders and files.
            progress (callable, optional): Called with how many images are done and how
                many there are.

        Raises:
            OSError: If the output folder cannot be written, the disk is full, or the
                parser's weights cannot be had.
            ValueError: If a line of a caption file is wrong, or a folder is empty.
        """
        summary = Summary()
        tasks = _tasks(sources, summary)
        check_folder(self.folder)
        if (self.folder / CACHE).is_dir():
            check_folder(self.folder / CACHE)
        captions: Dict[str, SceneGraph] = {}
        read = 0
        for start in range(0, len(tasks), self.batch_size):
            stop = min(start + self.batch_size, len(tasks))
            if stop > read:  # Some at a time, so that those before are written.
                captions = self._captions(tasks[start:start + _CAPTIONS], summary)
                read = start + _CAPTIONS
            for task, graph in self._graphs(tasks[start:stop], summary):
                if task.caption is not None and task.name not in captions:
                    continue
                if self._write(task, graph, captions.get(task.name), summary):
                    summary.written.append(task.name)
            progress(stop, len(tasks))
        write_text(
            self.folder / SUMMARY,
            json.dumps(
                {
                    'written': len(summary.written),
                    'cached': summary.cached,
                    'failed': summary.failed,
                    'caption_rules': CAPTION_RULES,
                    **self.settings
                }, indent=2, ensure_ascii=False) + '\n')
        return summary

    def _captions(self, tasks: Sequence[_Task],
                  summary: Summary) -> Dict[str, SceneGraph]:
        named = {t.name: t.caption for t in tasks if t.caption is not None}
        if not named:
            return {}
        if self._captions_parser is None:
            self._captions_parser = self._caption_parser()
        try:
            return dict(zip(named, self._captions_parser.parse(list(named.values()))))
        except (RuntimeError, MemoryError, ValueError) as e:
            if len(named) == 1:
                summary.fail(next(iter(named)), f'its caption cannot be read: {e}')
                return {}
            # One of them may be too long.
            return {
                name: graph
                for t in tasks
                for name, graph in self._captions([t], summary).items()
            }

    def _graphs(self, tasks: Sequence[_Task],
                summary: Summary) -> Iterator[Tuple[_Task, SceneGraph]]:
        waiting: List[Tuple[_Task, Path, Any]] = []
        for task in tasks:
            if task.image is None:
                yield task, SceneGraph()
                continue
            if self.reads_text and task.caption is None:
                summary.fail(
                    task.name, 'it has no caption, whose words the detector '
                    'looks for: give one, or give the detector its labels')
                continue
            try:
                cache = self._cache(task.image, task.caption)
                if (graph := _cached(cache)) is not None:
                    summary.cached += 1
                    yield task, graph
                else:
                    waiting.append((task, cache, load_image(task.image)))
            except OSError as e:
                summary.fail(task.name, e)
        if not waiting:
            return
        if self._parser is None:
            self._parser = self._image_parser()
        for (task, cache, _), graph in zip(waiting,
                                           self._parse(self._parser, waiting, summary)):
            if graph is not None:
                write_text(cache, graph.to_json() + '\n')
                yield task, graph

    def _parse(self, parser: ImageParser, waiting: Sequence[Tuple[_Task, Path, Any]],
               summary: Summary) -> List[Optional[SceneGraph]]:
        try:
            graphs: List[Optional[SceneGraph]] = [
                self._trimmed(g)
                for g in parse_images(parser, [p for *_, p in waiting],
                                      [task.caption or '' for task, *_ in waiting])
            ]
            return graphs
        except (RuntimeError, MemoryError, ValueError) as e:
            if len(waiting) == 1:
                summary.fail(waiting[0][0].name, e)
                return [None]
            # The images may need too much memory together, or one may be damaged, so
            # each is tried on its own.
            return [g for w in waiting for g in self._parse(parser, [w], summary)]

    def _trimmed(self, graph: SceneGraph) -> SceneGraph:
        if self.features:
            return graph
        return replace(graph,
                       objects=tuple(replace(o, feature=None) for o in graph.objects))

    def _cache(self, image: Path, caption: Optional[str]) -> Path:
        if not image.is_file():
            raise FileNotFoundError(f"'{image}': there is no such image file")
        key = digest([self._key, caption]) if self.reads_text else self._key
        return self.folder / CACHE / f'{file_sha256(image)}_{key}.json'

    def _write(self, task: _Task, graph: SceneGraph, caption: Optional[SceneGraph],
               summary: Summary) -> bool:
        try:
            if caption is not None:
                graph = self.merge(graph, caption) if task.image else caption
            write_text(self.folder / f'{task.name}.json', graph.to_json() + '\n')
            if self.draw is not None and task.image is not None:
                self.draw(load_image(task.image), graph,
                          self.folder / f'{task.name}.png')
        except (OSError, ValueError) as e:
            if isinstance(e, OSError) and e.errno in _FATAL:
                raise
            summary.fail(task.name, e)
            return False
        return True


def _cached(path: Path) -> Optional[SceneGraph]:
    try:
        return SceneGraph.from_json(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):  # It is absent or damaged, so it is made again.
        return None


def _tasks(sources: Sequence[Path], summary: Summary) -> List[_Task]:
    tasks: Dict[str, _Task] = {}
    for source in sources:
        if source.suffix == '.jsonl' and source.is_file():
            for name, caption in read_captions(source).items():
                if wrong := _wrong_name(name):
                    summary.fail(name, wrong)
                else:
                    tasks.setdefault(name, _Task(name)).caption = caption
            continue
        for image in _images(source):
            if wrong := _wrong_name(image.name):
                summary.fail(image.name, wrong)
                continue
            task = tasks.setdefault(image.name, _Task(image.name))
            if task.image not in (None, image):
                summary.fail(str(image), f"another image has this name ({task.image})")
            else:
                task.image = image
    return list(tasks.values())


def _wrong_name(name: str) -> str:
    r"""Why there can be no file of a graph with this name, or ``''``."""
    if name != os.path.basename(name) or '\0' in name or name in ('.', '..'):
        return f"'{short(name)[1:-1]}' cannot be the name of a file"
    own = f'{name}.json'
    if own.casefold() == SUMMARY:
        return f"'{own}' is the file of the run's own summary"
    if (size := len(os.fsencode(own))) > _NAME:
        return f"the name of its file would have {size} bytes, and {_NAME} are possible"
    return ''


def _images(source: Path) -> List[Path]:
    if not source.is_dir():
        return [source]
    known = image_extensions()
    images = sorted(p for p in source.iterdir() if p.suffix.lower() in known)
    if not images:
        raise ValueError(f"The folder '{source}' holds no image")
    return images

r"""What is seen in the images of a data set, from captions, scene graphs or images."""
import os
import os.path as osp
import warnings
from pathlib import Path
from typing import (
    Any,
    Dict,
    Hashable,
    List,
    Mapping,
    Optional,
    Sequence,
    TypeVar,
    Union,
)

from eega_pyg.function_identity import function_identity
from eega_pyg.identity import digest, file_sha256
from eega_pyg.json_yaml import read_json
from eega_pyg.schema import SceneGraph, validated
from eega_pyg.vision.captions.parser import CAPTION_RULES, CaptionParser, read_captions
from eega_pyg.vision.images import ImageParser, image_extensions

from .image_names import NAME_RULES, match_names, short_list, warn_of_unmatched

Source = Union[str, Path, Mapping[str, SceneGraph]]
Name = TypeVar('Name', bound=Hashable)

#: What ``eega scene`` writes beside the scene graphs.
_SUMMARY = 'summary.json'
_INFO = 'custom_data_info.json'
#: Longer captions are cut.
MAX_CAPTION = 10_000
# How many images are parsed at once.
_WINDOW = 16


class VisualSources:
    r"""Scene graphs of a split's images, each from one or several sources:

    - a file of captions, ``.jsonl``, see :func:`~eega_pyg.vision.read_captions`; of a
      caption, :obj:`MAX_CAPTION` characters are read;
    - a folder of scene graphs ``{image name}.json``, as ``eega scene`` writes it;
    - a folder of images, which :obj:`image_parser` reads; images that cannot be read
      are left out with a warning, as are folders and links to nowhere;
    - ``custom_prediction.json`` of the scene-graph benchmark, with its
      ``custom_data_info.json`` beside it, see
      :class:`~eega_pyg.vision.SceneBenchmarkReader`;
    - ``scene_graphs.json`` of Visual Genome's form; its objects have boxes if
      ``image_data.json`` lies beside it, see
      :func:`~eega_pyg.vision.read_visual_genome`;
    - a dict from image name to :class:`~eega_pyg.schema.SceneGraph`.

    If several sources know an image, their graphs are merged in the order of the
    sources, see :func:`~eega_pyg.vision.merge_graphs`; give a detector's before a
    caption's.

    Args:
        sources (sequence): The sources.
        nlp (spacy.language.Language, optional): The pipeline that parses captions;
            :meth:`identity` needs none.
        max_objects (int): The most objects that are kept of a caption.
        image_parser (callable, optional): Turns a list of pictures into scene graphs.
            By default, this is :class:`~eega_pyg.vision.SceneParser`.

    Raises:
        ValueError: If the image parser wants to be told the text beside an image.
    """
    def __init__(self, sources: Sequence[Source], nlp: Any, max_objects: int,
                 image_parser: Optional[ImageParser] = None) -> None:
        if getattr(image_parser, 'reads_text', False):
            raise ValueError("In a data set, an image may stand beside several texts, "
                             "so what is seen in it cannot depend on one of them: give "
                             "the detector its labels, or give each text its "
                             "'scene_graph'")
        self.sources = list(sources)
        self.nlp = nlp
        self.max_objects = max_objects
        self.image_parser = image_parser

    def identity(self) -> List[Any]:
        r"""All that the scene graphs depend on, apart from the spaCy pipeline.

        Raises:
            OSError: If a source is missing.
            ValueError: If a source is of no known kind.
        """
        kinds = [_kind(source) for source in self.sources]
        parts = [[kind, self._content(kind, source)]
                 for kind, source in zip(kinds, self.sources)]
        if parts:
            parts.append(['names', NAME_RULES])
        if len(self.sources) > 1:
            from eega_pyg.vision.merge import MERGE_RULES
            parts.append(['merge', MERGE_RULES])
        return parts

    def read(self, images: Sequence[str], progress: bool = False,
             expected: bool = True) -> Dict[str, SceneGraph]:
        r"""The scene graphs of those of the images that any source knows. A source may
        write their names in another way, see
        :func:`~eega_pyg.datasets.image_names.match_names`; a warning says so where it
        knows fewer than half of what it could.

        Args:
            images (sequence of str): The names of the images; empty ones are no image.
            progress (bool, optional): Shows progress bars. (default: :obj:`False`)
            expected (bool, optional): If set to :obj:`False`, the images need not be
                those of the sources, and nothing warns. (default: :obj:`True`)

        Raises:
            OSError: If a source cannot be read.
            ValueError: Naming file and field, if a source is wrong.
        """
        wanted = list(dict.fromkeys(image for image in images if image))
        graphs: Dict[str, SceneGraph] = {}
        embedder = None
        for source in self.sources:
            for image, graph in self._graphs(source, wanted, progress,
                                             expected).items():
                if image not in graphs:
                    graphs[image] = graph
                    continue
                if embedder is None:
                    from eega_pyg.vision import LabelEmbedder, merge_graphs
                    embedder = LabelEmbedder()
                graphs[image] = merge_graphs(graphs[image], graph, embedder)
        return graphs

    def _content(self, kind: str, source: Source) -> Any:
        if isinstance(source, Mapping):
            return digest({k: g.to_json() for k, g in sorted(source.items())})
        if kind == 'captions':
            return [file_sha256(source), CAPTION_RULES]
        if kind == 'graphs':
            return [
                digest({
                    k: file_sha256(p)
                    for k, p in _graph_files(source).items()
                })
            ]
        if kind == 'images':
            return self._identity_of_images(_image_files(source))
        beside = _INFO if kind == 'benchmark' else 'image_data.json'
        second = osp.join(osp.dirname(source), beside)
        return [file_sha256(p) for p in (str(source), second) if osp.isfile(p)]

    def identity_of_images(self, paths: Sequence[str]) -> List[Any]:
        r"""All that the scene graphs of some pictures depend on."""
        return self._identity_of_images({path: path for path in paths}) if paths else []

    def _identity_of_images(self, files: Dict[str, str]) -> List[Any]:
        content = digest({k: _image_sha256(path) for k, path in files.items()})
        return [content, *self._parser_identity()]

    def _parser_identity(self) -> List[str]:
        from eega_pyg.vision.predicates.model import weights_fingerprint
        if self.image_parser is None:
            return ['default', weights_fingerprint()]
        return function_identity(self.image_parser)

    def _graphs(self, source: Source, images: Sequence[str], progress: bool,
                expected: bool) -> Dict[str, SceneGraph]:
        kind = _kind(source)
        named = _named(kind, source)
        found = match_names(images, named)
        if expected:
            name = 'a dict' if isinstance(source, Mapping) else f"'{source}'"
            warn_of_unmatched(name, images, named, found)
        given = {image: named[found[image]] for image in images if image in found}
        if kind == 'captions':
            return self.of_captions(given, progress, f"of '{source}' ")
        if kind == 'graphs':
            return {
                image: validated(SceneGraph, read_json(path), path)
                for image, path in given.items()
            }
        return self.of_images(given) if kind == 'images' else given

    def of_captions(self, captions: Mapping[Name, str], progress: bool = False,
                    where: str = '') -> Dict[Name, SceneGraph]:
        r"""The scene graphs of captions."""
        if not captions:
            return {}
        parser = CaptionParser(self.nlp, self.max_objects)
        return dict(zip(captions, parser.parse(_bounded(captions, where), progress)))

    def of_images(self, files: Dict[str, str]) -> Dict[str, SceneGraph]:
        r"""The scene graphs of those of the pictures that can be read."""
        from eega_pyg.vision.images import load_image
        if not files:  # No detector is needed.
            return {}
        if self.image_parser is None:
            from eega_pyg.vision import SceneParser
            self.image_parser = SceneParser()
        graphs: Dict[str, SceneGraph] = {}
        wrong: List[str] = []
        used = list(files)
        for start in range(0, len(used), _WINDOW):
            pictures = {}
            for image in used[start:start + _WINDOW]:
                try:
                    pictures[image] = load_image(files[image])
                except OSError as e:
                    wrong.append(str(e))
            graphs.update(zip(pictures, self.image_parser(list(pictures.values()))))
        if wrong:
            warnings.warn(
                f"Left out: {len(wrong):,} of {len(files):,} images cannot be "
                f"read: {'; '.join(wrong[:3])}" + ('; ...' if len(wrong) > 3 else ''))
        return graphs


def _named(kind: str, source: Source) -> Dict[str, Any]:
    r"""What a source has under each name: a scene graph, a caption or a file."""
    if isinstance(source, Mapping):
        return dict(source)
    if kind == 'captions':
        return dict(read_captions(source))
    if kind in ('graphs', 'images'):
        if others := _others(source):
            warnings.warn(f"Left out: {len(others):,} entries of '{source}' are no "
                          f"files, but folders or links to nowhere: "
                          f"{short_list(others)}")
        return dict(_graph_files(source) if kind == 'graphs' else _image_files(source))
    if kind == 'benchmark':
        from eega_pyg.vision import SceneBenchmarkReader
        return dict(SceneBenchmarkReader().read(source))
    from eega_pyg.vision import read_visual_genome
    sizes = osp.join(osp.dirname(source), 'image_data.json')
    return dict(read_visual_genome(source, sizes if osp.isfile(sizes) else None))


def _kind(source: Source) -> str:
    if isinstance(source, Mapping):
        return 'given'
    path = os.fspath(source)
    if osp.isdir(path):
        return 'graphs' if _graph_files(path) else 'images'
    if not osp.isfile(path):
        raise FileNotFoundError(
            f"There is no visual source '{path}': expected captions "
            f"(.jsonl), scene graphs (.json), or a folder of images "
            f"or scene graphs")
    if path.endswith('.jsonl'):
        return 'captions'
    if path.endswith('.json'):
        beside = osp.isfile(osp.join(osp.dirname(path), _INFO))
        return 'benchmark' if beside else 'genome'
    raise ValueError(f"'{path}' is no visual source: expected captions (.jsonl), scene "
                     f"graphs (.json), or a folder of images or scene graphs")


def _bounded(captions: Mapping[Any, str], where: str) -> List[str]:
    # The parser's time grows with the square of a caption's length.
    long = [str(k) for k, caption in captions.items() if len(caption) > MAX_CAPTION]
    if long:
        warnings.warn(f"{len(long):,} captions {where}are read up to their "
                      f"{MAX_CAPTION:,}th character: those of {short_list(long)}")
    return [
        c if len(c) <= MAX_CAPTION else c[:MAX_CAPTION].rpartition(' ')[0]
        or c[:MAX_CAPTION] for c in captions.values()
    ]


def _graph_files(folder: Any) -> Dict[str, str]:
    return {
        name[:-len('.json')]: osp.join(folder, name)
        for name in sorted(os.listdir(folder))
        if _is_graph(name) and osp.isfile(osp.join(folder, name))
    }


def _image_files(folder: Any) -> Dict[str, str]:
    known = image_extensions()
    return {
        name: osp.join(folder, name)
        for name in sorted(os.listdir(folder))
        if osp.splitext(name)[1].lower() in known and osp.isfile(osp.join(folder, name))
    }


def _others(folder: Any) -> List[str]:
    r"""What is called like an image or a scene graph, but is no file."""
    known = image_extensions()
    return [
        name for name in sorted(os.listdir(folder))
        if (_is_graph(name) or osp.splitext(name)[1].lower() in known)
        and not osp.isfile(osp.join(folder, name))
    ]


def _is_graph(name: str) -> bool:
    return name.endswith('.json') and name != _SUMMARY


def _image_sha256(path: str) -> str:
    try:
        return file_sha256(path)
    except OSError:  # It is left out, with a warning, when it is to be read.
        return ''

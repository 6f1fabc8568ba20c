r"""What is seen in the images of a data set, from captions, scene graphs or images."""
import os
import os.path as osp
import warnings
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from eega_pyg.files import read_json
from eega_pyg.identity import digest, file_sha256, function_identity
from eega_pyg.schema import SceneGraph, validated
from eega_pyg.vision.captions.parser import CAPTION_RULES, CaptionParser, read_captions
from eega_pyg.vision.images import ImageParser, image_extensions

Source = Union[str, Path, Mapping[str, SceneGraph]]

#: What ``eega scene`` writes beside the scene graphs.
_SUMMARY = 'summary.json'
_INFO = 'custom_data_info.json'
# How many images are parsed at once.
_WINDOW = 16


class VisualSources:
    r"""Scene graphs of a split's images, each from one or several sources:

    - a file of captions, ``.jsonl``, see :func:`~eega_pyg.vision.read_captions`;
    - a folder of scene graphs ``{image name}.json``, as ``eega scene`` writes it;
    - a folder of images, which :obj:`image_parser` reads; an image that cannot be read
      is left out with a warning;
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
        nlp (spacy.language.Language): The pipeline that parses captions.
        max_objects (int): The most objects that are kept of a caption.
        image_parser (callable, optional): Turns a list of pictures into scene graphs.
            By default, this is :class:`~eega_pyg.vision.SceneParser`.
    """
    def __init__(self, sources: Sequence[Source], nlp: Any, max_objects: int,
                 image_parser: Optional[ImageParser] = None) -> None:
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
        if len(parts) > 1:
            from eega_pyg.vision.merge import MERGE_RULES
            parts.append(['merge', MERGE_RULES])
        return parts

    def read(self, images: Sequence[str],
             progress: bool = False) -> Dict[str, SceneGraph]:
        r"""The scene graphs of those of the images that any source knows.

        Args:
            images (sequence of str): The names of the images.
            progress (bool, optional): Shows progress bars. (default: :obj:`False`)

        Raises:
            OSError: If a source cannot be read.
            ValueError: Naming file and field, if a source is wrong.
        """
        wanted = list(dict.fromkeys(images))
        graphs: Dict[str, SceneGraph] = {}
        embedder = None
        for source in self.sources:
            for image, graph in self._graphs(source, wanted, progress).items():
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
        if kind in ('graphs', 'images'):
            files = _graph_files(source) if kind == 'graphs' else _image_files(source)
            content = digest({k: file_sha256(path) for k, path in files.items()})
            return [content, *(self._parser_identity() if kind == 'images' else ())]
        beside = _INFO if kind == 'benchmark' else 'image_data.json'
        second = osp.join(osp.dirname(source), beside)
        return [file_sha256(p) for p in (str(source), second) if osp.isfile(p)]

    def _parser_identity(self) -> List[str]:
        from eega_pyg.vision.predicates.model import weights_fingerprint
        if self.image_parser is None:
            return ['default', weights_fingerprint()]
        return function_identity(self.image_parser)

    def _graphs(self, source: Source, images: Sequence[str],
                progress: bool) -> Dict[str, SceneGraph]:
        kind = _kind(source)
        if isinstance(source, Mapping):
            graphs = dict(source)
        elif kind == 'captions':
            captions = read_captions(source)
            used = [i for i in images if i in captions]
            parser = CaptionParser(self.nlp, self.max_objects)
            return dict(zip(used, parser.parse([captions[i] for i in used], progress)))
        elif kind == 'graphs':
            files = _graph_files(source)
            return {
                i: validated(SceneGraph, read_json(files[i]), files[i])
                for i in images if i in files
            }
        elif kind == 'images':
            return self._parse_images(_image_files(source), images)
        elif kind == 'benchmark':
            from eega_pyg.vision import SceneBenchmarkReader
            graphs = SceneBenchmarkReader().read(source)
        else:
            from eega_pyg.vision import read_visual_genome
            sizes = osp.join(osp.dirname(source), 'image_data.json')
            graphs = read_visual_genome(source, sizes if osp.isfile(sizes) else None)
        return {i: graphs[i] for i in images if i in graphs}

    def _parse_images(self, files: Dict[str, str],
                      images: Sequence[str]) -> Dict[str, SceneGraph]:
        from eega_pyg.vision.images import load_image
        if self.image_parser is None:
            from eega_pyg.vision import SceneParser
            self.image_parser = SceneParser()
        graphs: Dict[str, SceneGraph] = {}
        used = [i for i in images if i in files]
        for start in range(0, len(used), _WINDOW):
            pictures = {}
            for image in used[start:start + _WINDOW]:
                try:
                    pictures[image] = load_image(files[image])
                except OSError as e:
                    warnings.warn(f'Left out: {e}')
            graphs.update(zip(pictures, self.image_parser(list(pictures.values()))))
        return graphs


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


def _graph_files(folder: Any) -> Dict[str, str]:
    return {
        name[:-len('.json')]: osp.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name.endswith('.json') and name != _SUMMARY
    }


def _image_files(folder: Any) -> Dict[str, str]:
    known = image_extensions()
    return {
        name: osp.join(folder, name)
        for name in sorted(os.listdir(folder)) if osp.splitext(name)[1].lower() in known
    }

r"""Modules that had another name up to version 0.1; their old names warn, and go with
the next release."""
import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Dict, Optional, Tuple, Union

_MOVED: Dict[str, Union[str, Tuple[str, ...]]] = {
    'atomic': 'files',
    'calibration': 'training.calibration',
    'callbacks': 'training.callbacks',
    'datasets.identity': ('identity', 'datasets.cached'),
    'distillation': 'training.distillation',
    'evaluation': 'training.evaluation',
    'extractor': 'extraction.extractor',
    'extras': 'resolve',
    'graph_commands': ('cli.graph', 'cli.extract', 'cli.model'),
    'item': ('extraction.item', 'extraction.item_files'),
    'knowledge_graph.cypher': 'knowledge_graph.formats.cypher',
    'knowledge_graph.graphml': 'knowledge_graph.formats.graphml',
    'knowledge_graph.jsonl': 'knowledge_graph.formats.jsonl',
    'knowledge_graph.neo4j_csv': 'knowledge_graph.formats.neo4j_csv',
    'knowledge_graph.rdf': 'knowledge_graph.formats.rdf',
    'metrics': 'scoring',
    'optimizer': 'training.optimizer',
    'precision': ('device', 'training.optimizer'),
    'pretraining': 'training.pretraining',
    'result': 'extraction.result',
    'result_file': 'extraction.result_file',
    'sampler': 'training.sampler',
    'saved_model': ('saving.saved_model', 'saving.folder'),
    'scene_command': 'cli.scene',
    'small_model': ('saving.shrink', 'saving.weights'),
    'vision.caption': 'vision.captions.parser',
    'vision.caption_graph': 'vision.captions.graph',
    'vision.caption_objects': 'vision.captions.objects',
    'vision.caption_repairs': 'vision.captions.repairs',
    'vision.caption_syntax': 'vision.captions.syntax',
    'vision.caption_words': 'vision.captions.words',
    'vision.detection': 'vision.detectors.detection',
    'vision.detector_weights': 'vision.detectors.weights',
    'vision.label_embedder': 'vision.predicates.label_embedder',
    'vision.pair_geometry': 'vision.predicates.geometry',
    'vision.pair_network': 'vision.predicates.network',
    'vision.predicate_model': 'vision.predicates.model',
    'vision.rcnn_detector': 'vision.detectors.rcnn',
    'vision.scene_benchmark': 'vision.readers.scene_benchmark',
    'vision.ssdlite_detector': 'vision.detectors.ssdlite',
    'vision.state_digest': 'identity',
    'vision.visual_genome': 'vision.readers.visual_genome',
    'vision.vrd': 'vision.readers.vrd',
    'visualize.graph_page': 'knowledge_graph.formats.page',
}


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: Any = None,
                  target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        package, _, old = name.partition('.')
        return ModuleSpec(name,
                          self) if package == __package__ and old in _MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        new = _MOVED[module.__name__.partition('.')[2]]
        names = [
            f'{__package__}.{n}' for n in ((new, ) if isinstance(new, str) else new)
        ]
        warnings.warn(f"'{module.__name__}' is now {' and '.join(map(repr, names))}",
                      DeprecationWarning, stacklevel=2)

        def find(name: str) -> Any:
            for place in names:
                found = import_module(place)
                if hasattr(found, name):
                    return getattr(found, name)
            raise AttributeError(f"module '{names[0]}' has no attribute '{name}'")

        module.__dict__['__getattr__'] = find


def install() -> None:
    r"""Makes the old names importable."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())

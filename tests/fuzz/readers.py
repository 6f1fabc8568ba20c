r"""Each reader of the library with a small input that it reads."""
import csv
import io
import json
import os
import random
import re
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from . import mutate

Change = Callable[[bytes, random.Random], bytes]
FILE, JSON, LINES, LITERALS = (mutate.raw, mutate.either(mutate.json_file),
                               mutate.either(mutate.json_lines),
                               mutate.either(mutate.literal_lines))


@dataclass
class Reader:
    r"""A reader and what it is given.

    Args:
        name (str): What it is called in a report.
        files (dict): The content of each file that is changed, and how.
        read (callable): Takes the folder with the files.
        weight (int): How often it is chosen.
    """
    name: str
    files: Dict[str, Tuple[bytes, Change]]
    read: Callable[[Path], Any]
    weight: int = 10


def readers(repository: Path, folder: Path) -> List[Reader]:
    r"""All readers.

    Args:
        repository (Path): Where the sample data are.
        folder (Path): An empty folder for what has to be made first.
    """
    raw = repository / 'datasets' / 'sample' / 'raw'
    return [
        *_texts(raw), *_labels(), *_scenes(raw, folder), *_settings(), *_results(),
        *_model(repository, folder)
    ]


def _head(path: Path, lines: int = 8) -> bytes:
    return b''.join(path.read_bytes().splitlines(True)[:lines])


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _dump_lines(*values: Any) -> bytes:
    return b''.join(_dump(value) + b'\n' for value in values)


def _texts(raw: Path) -> List[Reader]:
    from eega_pyg.datasets import read_conll04, read_gmner, read_mnre
    from eega_pyg.datasets.mnre import read_marked_texts
    from eega_pyg.schema import JMERE_TAGS as tags
    mnre = {'mnre.txt': (_head(raw / 'mnre_train.txt'), LITERALS)}
    news = [{
        'tokens': ['Ada', 'Moss', 'works', 'for', 'Zeta', 'in', 'Kiel', '.'],
        'entities': [[0, 2, 'Peop'], [4, 5, 'Org'], [6, 7, 'Loc']],
        'relations': [[0, 2, 4, 5, 'Work_For'], [4, 5, 6, 7, 'OrgBased_In']]
    }] * 2
    tweets = 'IMGID:17\nIda\tB-PER\nBlom\tI-PER\nvisits\tO\nOslo\tB-LOC\n\n' * 2
    sides = {
        'beg_ent': {
            'name': 'Ann',
            'pos': [0, 1],
            'tags': 'per'
        },
        'sec_ent': {
            'name': 'Acme',
            'pos': [3, 4],
            'tags': 'org'
        },
        'relation': 'member_of'
    }
    array = [{
        'token': ['Ann', 'works', 'at', 'Acme'],
        'img_id': 'a.jpg',
        'label_list': [sides]
    }] * 2
    return [
        Reader('JMERE', {'jmere.txt': (_dump(array), JSON)},
               lambda f: read_mnre(f / 'jmere.txt', tags)),
        Reader('MNRE', mnre, lambda f: read_mnre(f / 'mnre.txt', tags)),
        Reader('MNRE, merged and masked', mnre,
               lambda f: read_mnre(f / 'mnre.txt', tags, 'merged', mask=True)),
        Reader('MNRE, unrelated', mnre,
               lambda f: read_mnre(f / 'mnre.txt', tags, 'unrelated')),
        Reader('MNRE, marked', mnre, lambda f: read_marked_texts(f / 'mnre.txt', tags)),
        Reader('CoNLL04', {'news.json': (_dump(news), JSON)},
               lambda f: read_conll04(f / 'news.json', tags)),
        Reader('GMNER', {'tweets.txt': (tweets.encode(), FILE)},
               lambda f: read_gmner(f / 'tweets.txt', tags)),
    ]


def _labels() -> List[Reader]:
    from eega_pyg.datasets import read_jsonl, survey
    from eega_pyg.datasets.pascal_voc import read_boxes
    texts = [{
        'text':
        'Ann 🎉 works at Acme',
        'entities': [{
            'start': 0,
            'end': 3,
            'type': 'per',
            'box': [0.1, 0.2, 0.5, 1]
        }, {
            'start': 15,
            'end': 19,
            'type': 'org',
            'id': 'b'
        }],
        'relations': [{
            'head': 0,
            'tail': 'b',
            'type': 'member_of'
        }],
        'image':
        'a.jpg'
    }, {
        'words': ['Oslo', 'sleeps'],
        'caption': 'a cup',
        'image_id': '7'
    }] * 2
    boxes = b'<annotation><size><width>40</width><height>100</height></size>' + (
        b'<object><name>Ann</name><bndbox><xmin>1</xmin><ymin>0</ymin><xmax>9</xmax>'
        b'<ymax>50</ymax></bndbox></object>') * 2 + b'</annotation>'

    def labels(folder: Path) -> Any:
        path = folder / 'train.jsonl'
        return read_jsonl(path, survey(path).tags, _split, widen=True)

    return [
        Reader('labels', {'train.jsonl': (_dump_lines(*texts), LINES)}, labels),
        Reader('boxes', {'7.xml': (boxes, FILE)}, lambda f: read_boxes(f / '7.xml')),
    ]


def _split(text: str) -> Tuple[List[str], List[Tuple[int, int]]]:
    found = list(re.finditer(r'\S+', text))
    return [m.group() for m in found], [m.span() for m in found]


def _scenes(raw: Path, folder: Path) -> List[Reader]:
    from PIL import Image

    from eega_pyg.datasets.visual_sources import VisualSources
    from eega_pyg.schema import SceneGraph
    from eega_pyg.vision import (
        PredicateModel,
        SceneBenchmarkReader,
        read_captions,
        read_visual_genome,
    )
    from eega_pyg.vision.detectors.weights import load_weights
    from eega_pyg.vision.images import load_image
    from eega_pyg.vision.readers.vrd import read_vrd
    box = [0.1, 0.2, 0.5, 0.9]
    graph = {
        'objects': [{
            'label': 'man',
            'score': 0.9,
            'box': box
        }, {
            'label': 'hat'
        }],
        'predicates': [{
            'subject': 0,
            'predicate': 'wears',
            'object': 1
        }]
    }
    genome = [{
        'image_id':
        1,
        'objects': [{
            'object_id': i,
            'names': [n],
            'x': 1,
            'y': 2,
            'w': 3,
            'h': 4,
            'attributes': ['red']
        } for i, n in enumerate(('man', 'hat'))],
        'relationships': [{
            'subject_id': 0,
            'predicate': 'wears',
            'object_id': 1
        }]
    }]
    thing = {'category': 0, 'bbox': [10, 50, 0, 20]}
    vrd = {
        'annotations_train.json': {
            'a.jpg': [{
                'predicate': 0,
                'subject': thing,
                'object': {
                    **thing, 'category': 1
                }
            }]
        },
        'objects.json': ['man', 'hat'],
        'predicates.json': ['wear', 'has'],
        'train_image_metadata.json': {
            'a.jpg': {
                'width': 40,
                'height': 100
            }
        },
    }
    benchmark = {
        'custom_prediction.json': {
            '0': {
                'bbox': [[0, 0, 400, 600], [100, 0, 200, 150]],
                'bbox_labels': [1, 2],
                'bbox_scores': [0.9, 0.8],
                'rel_pairs': [[0, 1]],
                'rel_labels': [1],
                'rel_scores': [0.6]
            }
        },
        'custom_data_info.json': {
            'idx_to_files': ['/in/one.jpg'],
            'ind_to_classes': ['', 'man', 'hat'],
            'ind_to_predicates': ['', 'wearing']
        },
    }
    benchmark['custom_data_info.json']['ind_to_classes'][0] = '__background__'
    benchmark['custom_data_info.json']['ind_to_predicates'][0] = '__background__'
    pictures = {}
    for kind in ('png', 'jpeg', 'gif', 'bmp', 'webp'):
        content = io.BytesIO()
        Image.linear_gradient('L').resize((20, 30)).save(content, kind)
        pictures[f'photo.{kind}'] = (content.getvalue(), FILE)
    PredicateModel(num_networks=1, label_size=4, predicates=('on', 'in'), projection=4,
                   hidden=4).save(folder / 'predicates.safetensors')
    weights = (folder / 'predicates.safetensors').read_bytes()

    def images(f: Path) -> None:
        for name in pictures:
            if (f / name).exists():
                load_image(f / name)

    return [
        Reader('captions',
               {'captions.jsonl': (_head(raw / 'captions_train.jsonl'), LINES)},
               lambda f: read_captions(f / 'captions.jsonl')),
        Reader(
            'scene graph', {'graph.json': (_dump(graph), JSON)},
            lambda f: SceneGraph.from_json(
                (f / 'graph.json').read_bytes().decode(errors='surrogateescape'))),
        Reader('folder of scene graphs', {'a.jpg.json': (_dump(graph), JSON)},
               lambda f: VisualSources([f], None, 9).read(['a.jpg'])),
        Reader(
            'Visual Genome', {
                'genome.json': (_dump(genome), JSON),
                'sizes.json': (_dump([{
                    'image_id': 1,
                    'width': 9,
                    'height': 9
                }]), JSON)
            }, lambda f: read_visual_genome(f / 'genome.json', f / 'sizes.json')),
        Reader('VRD', {
            k: (_dump(v), JSON)
            for k, v in vrd.items()
        }, read_vrd),
        Reader('Scene-Graph-Benchmark', {
            k: (_dump(v), JSON)
            for k, v in benchmark.items()
        }, lambda f: SceneBenchmarkReader().read(f / 'custom_prediction.json')),
        Reader('images', pictures, images),
        Reader('predicate model', {'model.safetensors': (weights, FILE)},
               lambda f: PredicateModel.load(f / 'model.safetensors'), 3),
        Reader('detector weights', {'model.safetensors': (weights, FILE)},
               lambda f: load_weights(f / 'model.safetensors', _NoWeights), 3),
    ]


class _NoWeights:
    __members__: Dict[str, Any] = {}


def _settings() -> List[Reader]:
    from eega_pyg.config import Config
    preset = b'data:\n  encoder: a\n  visual: [a, b]\nmodel:\n  heads: 4\n' \
             b'  alpha: 1.0\ntrain:\n  also: [unrelated, "conll04:x"]\n' \
             b'  lr: 5.0e-4\n  epochs: 3\n'

    def overrides(folder: Path) -> Config:
        content = (folder / 'set.txt').read_bytes().decode(errors='surrogateescape')
        return Config.load('default', content.split('\n'))

    options = b'model.heads=4\ntrain.also=[unrelated]\ndata.encoder=a\n' \
              b'train.lr=1e-3\nmodel.skip=true\ntrain.seed=1'
    return [
        Reader('preset', {'preset.yaml': (preset, FILE)},
               lambda f: Config.load(str(f / 'preset.yaml'))),
        Reader('options of a configuration', {'set.txt': (options, FILE)}, overrides),
    ]


def _results() -> List[Reader]:
    from eega_pyg.extraction.item_files import read_items
    from eega_pyg.json_yaml import read_lines
    from eega_pyg.knowledge_graph import KnowledgeGraph, TableLinker
    seen = {
        'object': 0,
        'label': 'a man',
        'box': [0.0, 0.1, 0.7, 1.0],
        'strength': 0.6,
        'edge_strength': 0.4
    }
    head = {
        'text': 'Ann',
        'type': 'per',
        'start': 0,
        'end': 3,
        'probability': 0.5,
        'objects': [seen]
    }
    tail = {'text': 'Acme', 'type': 'org', 'start': 13, 'end': 17, 'probability': 0.9}
    relation = {
        'head': head,
        'relation': 'member_of',
        'tail': tail,
        'probability': 0.4,
        'directed': True
    }
    result = {
        'text': 'Ann works at Acme',
        'image_id': 'a.jpg',
        'entities': [head, tail],
        'quintuples': [relation]
    }
    item = {
        'text': 'Ann works at Acme .',
        'caption': 'a woman at a desk',
        'image_id': 'a.jpg'
    }
    words = {
        'words': ['Ann', 'works'],
        'scene_graph': {
            'objects': [{
                'label': 'man'
            }],
            'predicates': []
        }
    }

    texts = {
        'texts.jsonl': _dump_lines(item, words),
        'texts.json': _dump([item, words]),
        'texts.csv': b'text,img_id,day\n"Ann, of Acme",a.jpg,1\nBob of Oslo,b.jpg,2\n',
        'texts.tsv': b'text\tcaption\nAnn of Acme\ta man\n',
        'texts.txt': b'Ann works at Acme .\nBob lives in Oslo .\n'
    }

    def items(folder: Path) -> None:
        for name in texts:
            read_items(folder / name)

    def built(folder: Path) -> None:
        values = [value for _, value in read_lines(folder / 'results.jsonl')]
        graph = KnowledgeGraph.from_results(values, merge_names=True)
        for suffix in ('jsonl', 'graphml', 'cypher', 'html'):
            graph.write(folder / f'graph.{suffix}')
        assert len(KnowledgeGraph.load(folder / 'graph.jsonl').nodes) == len(
            graph.nodes)

    import tempfile
    with tempfile.TemporaryDirectory() as temporary:
        KnowledgeGraph.from_results([result, result
                                     ]).write(os.path.join(temporary, 'graph.jsonl'))
        graph = Path(temporary, 'graph.jsonl').read_bytes()
    links = io.StringIO()
    csv.writer(links).writerows([('name', 'type', 'id'), ('Ann', 'per', 'Q1'),
                                 ('Acme', '', 'http://a/b')])
    return [
        Reader(
            'texts', {
                name: (content, LINES if 'jsonl' in name else FILE)
                for name, content in texts.items()
            }, items),
        Reader('results', {'results.jsonl': (_dump_lines(result, result), LINES)},
               built),
        Reader('knowledge graph', {'graph.jsonl': (graph, LINES)},
               lambda f: KnowledgeGraph.load(f / 'graph.jsonl')),
        Reader('links', {'links.csv': (links.getvalue().encode(), FILE)},
               lambda f: TableLinker.from_csv(f / 'links.csv')),
    ]


def _model(repository: Path, folder: Path) -> List[Reader]:
    r"""A trained model, its data set and its training."""
    from eega_pyg import Config, Extractor, fit
    from eega_pyg.datasets.storage import load_graphs
    from eega_pyg.training.checkpoints import read_checkpoint
    root, encoder = folder / 'data', tiny_encoder(folder / 'encoder')
    (root / 'raw').mkdir(parents=True)
    for split in ('train', 'val'):
        (root / 'raw' / f'mnre_{split}.txt').write_bytes(
            _head(repository / f'datasets/sample/raw/mnre_{split}.txt', 30))
    config = Config.load('default', [
        f'data.encoder={encoder}', 'model.heads=2', 'model.edge_dim=2',
        'model.channel_dim=2', 'train.epochs=1', 'train.pretrain_epochs=0'
    ])
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        fit(config, root, folder / 'model', progress=False)

    def extract(f: Path) -> None:
        extractor = Extractor.from_pretrained(f, device='cpu')
        extractor('Ann Lee works at Acme in Oslo .', caption='a woman at a desk')

    kinds = {'model.safetensors': FILE}
    files = {
        path.name: (path.read_bytes(), kinds.get(path.name, JSON))
        for path in (folder / 'model').iterdir()
        if path.is_file() and path.suffix in ('.json', '.safetensors')
    }
    processed = next((root / 'processed').glob('*train*.pt')).read_bytes()
    checkpoint = (folder / 'model' / 'training' / 'best.ckpt').read_bytes()
    return [
        Reader('model', files, extract, 30),
        Reader('processed data', {'data.pt': (processed, FILE)},
               lambda f: load_graphs(str(f / 'data.pt')), 5),
        Reader('checkpoint', {'best.ckpt': (checkpoint, FILE)},
               lambda f: read_checkpoint(f / 'best.ckpt', whole=False), 5),
    ]


def tiny_encoder(folder: Path) -> str:
    r"""A text encoder of a few words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast
    folder.mkdir()
    words = [
        '[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *'abcdefghijklmnopqrstuvwxyz',
        *(f'##{c}' for c in 'abcdefghijklmnopqrstuvwxyz'), '.', ','
    ]
    (folder / 'vocab.txt').write_text('\n'.join(words))
    BertTokenizerFast(str(folder / 'vocab.txt')).save_pretrained(folder)
    BertModel(
        BertConfig(vocab_size=len(words), hidden_size=8, num_hidden_layers=1,
                   num_attention_heads=2, intermediate_size=8)).save_pretrained(folder)
    return str(folder)


def fresh(reader: Reader, folder: Path) -> None:
    r"""Puts the unchanged files into an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, (content, _) in reader.files.items():
        (folder / name).write_bytes(content)

r"""Trains the predicate model on VRD and scores it.

    python -m benchmarks.vision.predicate_model VRD_FOLDER --out predicates.safetensors

With ``--score FILE`` nothing is trained, and that model is scored; ``--score package``
is the one of the package. The results go to
``benchmarks/results/predicate_model.json``.

Recall@50 counts triples, and its mean counts predicates: it is the mean of the recall
of each predicate that occurs. "Unweighted" is the model without the weights of rare
predicates. The second table is about the graphs that
:meth:`~eega_pyg.vision.PredicateModel.relate` makes of all annotated boxes, as if a
detector had found them.

``VRD_FOLDER`` holds ``annotations_train.json``, ``objects.json``, ``predicates.json``
and ``train_image_metadata.json``. Images are split by the SHA-1 of their file name: 1
and 2 to tune on, 0 to report on, the rest to train on.
"""
import argparse
import datetime
import json
import platform
import time
from collections import Counter
from pathlib import Path
from statistics import mean, stdev
from typing import Dict, List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from eega_pyg.files import write_text
from eega_pyg.schema import SceneGraph, SceneObject
from eega_pyg.vision.predicates.geometry import pair_geometry
from eega_pyg.vision.predicates.label_embedder import LabelEmbedder
from eega_pyg.vision.predicates.model import MIRRORED, PredicateModel
from eega_pyg.vision.predicates.network import PairNetwork
from eega_pyg.vision.readers.vrd import (
    AnnotatedImage,
    Recall,
    pair_tensors,
    read_vrd,
    recall,
    split_images,
)

RESULTS = Path(__file__).parents[1] / 'results' / 'predicate_model.json'
#: Graphs of images with so many people, or all.
GROUP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--out', type=Path, help='the safetensors file')
    parser.add_argument('--score', type=Path, help='score this model and train none')
    parser.add_argument('--json', type=Path, default=RESULTS,
                        help='where the figures go')
    parser.add_argument('--networks', type=int, default=8)
    parser.add_argument('--projection', type=int, default=40)
    parser.add_argument('--hidden', type=int, default=176)
    parser.add_argument('--epochs', type=int, default=20)
    parser.add_argument('--batch-size', type=int, default=256)
    parser.add_argument('--lr', type=float, default=2e-3)
    parser.add_argument('--weight-decay', type=float, default=0.01)
    parser.add_argument('--jitter', type=float, default=0.05,
                        help='noise on box corners, in sizes of the box')
    parser.add_argument('--noise', type=float, default=0.3,
                        help='noise on label vectors, of which an entry is about one')
    parser.add_argument('--related', type=float, default=0.3,
                        help='weight of the loss of being related')
    parser.add_argument('--rarity', type=float, default=0.00275,
                        help='what rare predicates are worth; see PredicateModel')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()

    images, predicates = read_vrd(args.folder)
    train, tune, report = split_images(images)
    if args.score is None:
        model = trained(train, predicates, args)
    elif str(args.score) == 'package':
        model = PredicateModel.pretrained()
    else:
        model = PredicateModel.load(args.score)
    model.eval()

    rows: List[List[str]] = []
    parts = {'tune (1, 2)': tune, 'report (0)': report, 'both': tune + report}
    for split, part in parts.items():
        triples = [image.triples for image in part]
        scores = model_scores(model, part)
        variants = {
            'frequency': frequencies(train, part, len(predicates)),
            'model, unweighted': scores,
            'model': [model.weighted(s) for s in scores],
        }
        for name, given in variants.items():
            results = [recall(triples, given, k) for k in (1, len(predicates))]
            rows.append([f'{name}, {split}'] +
                        [f'{100 * x:.2f}' for r in results for x in (r.total, r.mean)])
        if split == 'both':
            tail = by_predicate(train, results, predicates)
            rows += one_by_one(model, part)
    print(f'\n{platform.processor() or platform.machine()}, torch {torch.__version__}, '
          f'{len(train)} training images\n')
    print(table(COLUMNS, rows))
    graphs = graph_rows(model, tune + report)
    print('\n' + table(GRAPH_COLUMNS, graphs) + '\n')
    print(
        table(['predicate', 'in training', '1 a pair', 'all a pair'],
              [[p, str(n), f'{100 * a:.0f}', f'{100 * b:.0f}'] for p, n, a, b in tail]))
    record = {
        'recall@50': rows,
        'graphs': graphs,
        'by_predicate': tail,
        'arguments': {
            'networks': len(model.networks),
            'rarity': model.config['rarity'],
            'seed': args.seed
        },
        'machine': platform.platform(),
        'date': datetime.date.today().isoformat(),
    }
    write_text(args.json, json.dumps(record, indent=1) + '\n')


COLUMNS = [
    'recall@50, %', '1 predicate a pair', 'mean over predicates', 'all a pair',
    'mean over predicates'
]
GRAPH_COLUMNS = [
    'graphs', 'predicates a graph', 'different ones',
    'share of the commonest triple, %', 'annotated triples found, %'
]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return '\n'.join('| ' + ' | '.join(row) + ' |'
                     for row in (header, ['---'] * len(header), *rows))


def one_by_one(model: PredicateModel, images: List[AnnotatedImage]) -> List[List[str]]:
    r"""Mean and standard deviation over networks alone, which differ in their seed."""
    triples = [image.triples for image in images]
    found: Dict[str, List[List[float]]] = {}
    for n in range(len(model.networks)):
        single = PredicateModel(**{**model.config, 'num_networks': 1})
        single.networks[0].load_state_dict(model.networks[n].state_dict())
        single._embedder = model.embedder
        scores = model_scores(single.eval(), images)
        for name, given in (('unweighted', scores),
                            ('weighted', [single.weighted(s) for s in scores])):
            results = [recall(triples, given, k) for k in (1, len(model.predicates))]
            found.setdefault(name, []).append(
                [100 * x for r in results for x in (r.total, r.mean)])
    return [[f'a network alone, {name}, both'] +
            [f'{mean(c):.2f} ± {stdev(c):.2f}' for c in zip(*values)]
            for name, values in found.items() if len(values) > 1]


def graph_rows(model: PredicateModel, images: List[AnnotatedImage]) -> List[List[str]]:
    r"""What :meth:`PredicateModel.relate` makes of annotated boxes: as it does by
    default, with repeats that count as much as the first, and without spatial
    predicates."""
    groups = [i for i in images if i.labels.count('person') >= GROUP]
    rows = []
    for split, part in (('all', images), (f'{GROUP} people and more', groups)):
        for name, options in (('default', {}), ('repeats count as much', {
                'repeat': 1.
        }), ('no spatial ones', {
                'spatial': False
        })):
            graphs = [model.relate(scene(image), **options) for image in part]
            kinds = [
                Counter(
                    (g.objects[p.subject].label, p.predicate, g.objects[p.object].label)
                    for p in g.predicates) for g in graphs
            ]
            shares = [max(k.values()) / sum(k.values()) for k in kinds if k]
            hits = sum(
                model.predicates.index(p.predicate) in image.triples.get((p.subject,
                                                                          p.object), ())
                for image, g in zip(part, graphs) for p in g.predicates)
            count = sum(len(p) for image in part for p in image.triples.values())
            rows.append([
                f'{name}, {split} ({len(part)})',
                f'{mean(sum(k.values()) for k in kinds):.1f}',
                f'{mean(len(k) for k in kinds):.1f}', f'{100 * mean(shares):.1f}',
                f'{100 * hits / count:.1f}'
            ])
    return rows


def scene(image: AnnotatedImage) -> SceneGraph:
    return SceneGraph(
        tuple(
            SceneObject(label, box=tuple(min(1., max(0., x)) for x in box))
            for label, box in zip(image.labels, image.boxes)))


def trained(train: List[AnnotatedImage], predicates: List[str],
            args: argparse.Namespace) -> PredicateModel:
    counts = [0] * len(predicates)
    for image in train:
        for found in image.triples.values():
            for p in found:
                counts[p] += 1
    model = PredicateModel(predicates, args.networks, projection=args.projection,
                           hidden=args.hidden, counts=[max(1, n) for n in counts],
                           rarity=args.rarity)
    start = time.perf_counter()
    data = TrainingPairs(train, predicates, model.embedder)
    for n, network in enumerate(model.networks, 1):
        fit(network, data, args.seed + n - 1, args)
        print(f'network {n}: {time.perf_counter() - start:.0f} s', flush=True)
        if args.out is not None:  # A stopped run leaves the networks that are done.
            first(model, n).save(args.out)
    # The figures are those of the file.
    return model if args.out is None else PredicateModel.load(args.out)


class TrainingPairs:
    r"""The annotated pairs of the training images, and those that nobody annotated.

    Args:
        images (list of AnnotatedImage): The images.
        predicates (list of str): The predicates.
        embedder (LabelEmbedder): Labels to vectors.
    """
    def __init__(self, images: List[AnnotatedImage], predicates: List[str],
                 embedder: LabelEmbedder) -> None:
        vectors: Dict[str, int] = {}
        rows: List[Tuple[int, int]] = []
        boxes: List[Tuple] = []
        targets: List[Tensor] = []
        for image in images:
            labels = [vectors.setdefault(x, len(vectors)) for x in image.labels]
            count = len(labels)
            for pair in ((i, j) for i in range(count) for j in range(count)):
                if pair[0] == pair[1] and pair not in image.triples:
                    continue
                target = torch.zeros(len(predicates))
                target[list(image.triples.get(pair, ()))] = 1
                rows.append((labels[pair[0]], labels[pair[1]]))
                boxes.append((*image.boxes[pair[0]], *image.boxes[pair[1]]))
                targets.append(target)
        self.vectors = embedder(list(vectors))
        self.labels = torch.tensor(rows)
        self.boxes = torch.tensor(boxes)
        self.targets = torch.stack(targets)
        related = self.targets.sum(1) > 0
        self.related = related.nonzero()[:, 0]
        self.unrelated = (~related).nonzero()[:, 0]
        names = embedder(predicates)
        self.names = F.normalize(names - names.mean(0), dim=1)  # [C, D]
        left, right = (predicates.index(name) for name in MIRRORED)
        self.mirrored = torch.arange(len(predicates))
        self.mirrored[[left, right]] = torch.tensor([right, left])


def fit(network: PairNetwork, data: TrainingPairs, seed: int,
        args: argparse.Namespace) -> None:
    r"""Trains one network: cross-entropy over the predicates of annotated pairs, each
    predicate counting once, and whether a pair was annotated at all.

    Rare predicates lean on frequent ones of a like name: a predicate's weights are its
    own and a projection of its name's vector, which are added up at the end."""
    torch.manual_seed(seed)
    for module in network.modules():
        if hasattr(module, 'reset_parameters'):
            module.reset_parameters()
    geometry = pair_geometry(data.boxes[data.related, :4], data.boxes[data.related, 4:])
    network.mean.copy_(geometry.mean(0))
    network.std.copy_(geometry.std(0))
    network.train()
    shared = torch.nn.Linear(network.out.in_features, data.names.size(1), bias=False)
    optimizer = torch.optim.AdamW([*network.parameters(), *shared.parameters()],
                                  lr=args.lr, weight_decay=args.weight_decay)
    steps = len(data.related) // args.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, pct_start=0.1,
                                                   total_steps=args.epochs * steps + 1)
    for _ in range(args.epochs):
        order = data.related[torch.randperm(len(data.related))]
        others = data.unrelated[torch.randint(len(data.unrelated), (len(order), ))]
        for n in range(steps):
            part = slice(n * args.batch_size, (n + 1) * args.batch_size)
            size = args.batch_size
            rows = torch.cat([order[part], others[part][:size // 4]])
            hidden, targets = _augmented(network, data, rows, args)
            weight = network.out.weight[:-1] + data.names @ shared.weight
            logits = F.linear(hidden[:size], weight, network.out.bias[:-1])
            loss = -(targets[:size] * logits.log_softmax(1)).sum(1).mean()
            related = F.linear(hidden, network.out.weight[-1:], network.out.bias[-1:])
            known = (torch.arange(len(rows)) < size).float()
            # As if there were as many unrelated pairs as related ones:
            balance = torch.where(known > 0, 1., size / (len(rows) - size))
            loss = loss + args.related * F.binary_cross_entropy_with_logits(
                related[:, 0], known, balance)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        network.out.weight[:-1] += data.names @ shared.weight
    network.eval()


def _augmented(network: PairNetwork, data: TrainingPairs, rows: Tensor,
               args: argparse.Namespace) -> Tuple[Tensor, Tensor]:
    boxes, targets = data.boxes[rows].view(-1, 2, 4), data.targets[rows]
    size = (boxes[..., 2:] - boxes[..., :2]).repeat(1, 1, 2)
    boxes = (boxes + args.jitter * size * torch.randn_like(boxes)).clamp(0, 1)
    boxes = torch.cat([
        torch.minimum(boxes[..., :2], boxes[..., 2:]),
        torch.maximum(boxes[..., :2], boxes[..., 2:])
    ], -1)
    flip = torch.rand(len(rows), 1) < 0.5
    x1, y1, x2, y2 = boxes.unbind(-1)
    boxes = torch.where(flip[..., None], torch.stack([1 - x2, y1, 1 - x1, y2], -1),
                        boxes)
    targets = torch.where(flip, targets[:, data.mirrored], targets)
    # An entry of a vector times the network's scale is about one. A label has the same
    # noise wherever it is in a batch, so that it is projected once.
    noise = args.noise / network.scale * torch.randn_like(data.vectors)
    labels = data.labels[rows]
    return network.encode_projected(
        network.subject(network.scale * (data.vectors + noise))[labels[:, 0]],
        network.object(network.scale * (data.vectors + noise))[labels[:, 1]],
        pair_geometry(boxes[:, 0], boxes[:, 1])), targets


def first(model: PredicateModel, count: int) -> PredicateModel:
    r"""The model of the first networks alone."""
    part = PredicateModel(**{**model.config, 'num_networks': count})
    for network, source in zip(part.networks, model.networks):
        network.load_state_dict(source.state_dict())
    return part


def model_scores(model: PredicateModel, images: List[AnnotatedImage]) -> List[Tensor]:
    r"""What the model says about the annotated pairs of each image."""
    subjects, objects, *boxes = pair_tensors(images)
    with torch.no_grad():
        scores, _ = model.of_boxes(model.embedder(subjects), model.embedder(objects),
                                   *boxes)
    return list(scores.split([len(image.triples) for image in images]))


def frequencies(train: List[AnnotatedImage], images: List[AnnotatedImage],
                size: int) -> List[Tensor]:
    r"""The frequency of each predicate between two labels, backed off to that by either
    label."""
    counts: Dict[Tuple[str, str], Tensor] = {}
    for image in train:
        for (s, o), predicates in image.triples.items():
            labels = (image.labels[s], image.labels[o])
            for key in (labels, (labels[0], ''), ('', labels[1]), ('', '')):
                counts.setdefault(key, torch.zeros(size))[list(predicates)] += 1

    def smoothed(key: Tuple[str, str], prior: Tensor, weight: float) -> Tensor:
        count = counts.get(key, torch.zeros(size))
        return (count + weight * prior) / (count.sum() + weight)

    every = smoothed(('', ''), torch.full((size, ), 1 / size), 35.)

    def score(subject: str, target: str) -> Tensor:
        backed = (smoothed((subject, ''), every, 5.) * smoothed(
            ('', target), every, 5.) / every)
        return smoothed((subject, target), backed / backed.sum(), 5.)

    return [
        torch.stack([score(image.labels[s], image.labels[o]) for s, o in image.triples])
        for image in images
    ]


def by_predicate(train: List[AnnotatedImage], results: List[Recall],
                 predicates: List[str]) -> List[Tuple[str, int, float, float]]:
    r"""Recall of each predicate that occurs, the most frequent in training first."""
    counts = [0] * len(predicates)
    for image in train:
        for found in image.triples.values():
            for p in found:
                counts[p] += 1
    one, every = (r.by_predicate for r in results)
    return [(predicates[p], counts[p], round(one[p], 3), round(every[p], 3))
            for p in sorted(one, key=lambda p: -counts[p])]


if __name__ == '__main__':
    main()

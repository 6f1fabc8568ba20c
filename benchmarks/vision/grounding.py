r"""Trains the grounding head on GMNER, and compares it with rules and with the
transport plan.

    python -m benchmarks.vision.grounding GMNER_FOLDER --out head.safetensors

``GMNER_FOLDER`` is a folder as of :class:`~eega_pyg.datasets.GMNER`; the splits train
and val are read, never test. There are no pixels, so the objects of a tweet are the
boxes that people have drawn, without their names, which are the texts of the entities,
and without their order in the file, which is that of the text in three of four tweets.
They are ordered by their size. What is measured is how many entities get one of their
own boxes, or none if they have none, in three settings:

- ``bare``: nothing is known of a box but where it is;
- ``kind``: a box is called a person if an entity that is seen there is one, and an
  object otherwise. This is what a perfect detector of persons would say;
- ``crowd``: as ``kind``, and there are boxes of other tweets in between, made smaller,
  as a detector finds people and things that nobody speaks of. Tweets without a box are
  read too. That other people are smaller is an assumption.

The plans take a quarter of an hour, and are kept in ``--plans``. The results go to
``benchmarks/results/grounding.json``.
"""
import argparse
import datetime
import json
import math
import platform
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.runner import markdown
from eega_pyg.datasets.gmner import GMNER
from eega_pyg.datasets.gmner import TWEET_TAGS as TAGS
from eega_pyg.datasets.gmner import read_gmner
from eega_pyg.extraction.grounding import GroundingHead, assigned, names_of
from eega_pyg.extraction.grounding_features import PAIR_SIZE, choices
from eega_pyg.files import atomic, write_text
from eega_pyg.schema import Entity, SceneGraph, SceneObject

RESULTS = Path(__file__).parents[1] / 'results' / 'grounding.json'
SETTINGS = ('bare', 'kind', 'crowd')
#: The objects that the checkpoint reads of an image.
MOST = 10
#: How often the boxes of other tweets are drawn anew for training.
DRAWS = 2
Box = Tuple[float, float, float, float]


@dataclass(frozen=True)
class Tweet:
    r"""A tweet, the boxes of its image from the largest to the smallest, whether
    somebody is seen in each, and which boxes each entity is seen in."""
    words: Tuple[str, ...]
    entities: List[Entity]
    boxes: List[Box]
    persons: List[bool]
    own: List[List[int]]


class Case(NamedTuple):
    r"""The objects of a tweet in a setting, whether their labels say what they are, and
    the right ones for each entity; none is the number of objects."""
    tweet: Tweet
    objects: List[SceneObject]
    named: bool
    right: List[List[int]]

    def of_kind(self, person: bool) -> List[int]:
        r"""The persons, or all other objects; all that there are without labels."""
        return [
            j for j, o in enumerate(self.objects)
            if not self.named or (o.label == 'person') == person
        ]


def read(root: Path, split: str) -> List[Tweet]:
    folder = root / 'raw'
    names = {'train': ('train.txt', ), 'val': ('valid.txt', 'val.txt', 'dev.txt')}
    path = next(p for n in names[split] if (p := folder / n).is_file())
    tweets = []
    for record in read_gmner(path, TAGS, folder / str(GMNER.boxes)):
        entities = sorted(record.annotation.entities)
        types = {e.span: e.type for e in entities}
        owners: Dict[Box, set] = {}
        for span, box in record.boxes or ():
            owners.setdefault(box, set()).add(span)
        boxes = sorted(owners, key=lambda b: (-area(b), b))
        tweets.append(
            Tweet(record.words, entities, boxes,
                  [any(types[s] == 'per' for s in owners[b]) for b in boxes],
                  [[i for i, b in enumerate(boxes) if e.span in owners[b]]
                   for e in entities]))
    return tweets


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def cases(tweets: Sequence[Tweet], setting: str, seed: int) -> List[Case]:
    r"""The tweets that have an object, of which there are at most :obj:`MOST` that
    belong to an entity."""
    random = Random(seed)
    pool = [(b, p) for t in tweets for b, p in zip(t.boxes, t.persons)]
    found = []
    for tweet in tweets:
        things: List[Tuple[Box, bool, int]] = [
            (b, p, i) for i, (b, p) in enumerate(zip(tweet.boxes[:MOST], tweet.persons))
        ]
        if setting == 'crowd':
            # Between one and six in two of three images, and in all without a box.
            number = random.randint(1,
                                    6) if random.random() < 2 / 3 or not things else 0
            things += [(smaller(b, random), p, -1)
                       for b, p in random.sample(pool, min(number, len(pool)))]
        things.sort(key=lambda t: (-area(t[0]), t[0]))
        if not things:
            continue
        named = setting != 'bare'
        place = {i: n for n, (_, _, i) in enumerate(things)}
        found.append(
            Case(tweet, [
                SceneObject('person' if named and p else 'object', box=b)
                for b, p, _ in things
            ], named, [[place[i]
                        for i in own if i in place] or ([] if own else [len(things)])
                       for own in tweet.own]))
    return found


def smaller(box: Box, random: Random) -> Box:
    r"""A box of a tenth of the area up to all of it, anywhere."""
    scale = math.sqrt(random.uniform(0.1, 1.0))
    width, height = scale * (box[2] - box[0]), scale * (box[3] - box[1])
    x, y = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    return x, y, min(x + width, 1.0), min(y + height, 1.0)


# ---- rules and plans ----
Choose = Callable[[Case], List[int]]


def nothing(case: Case) -> List[int]:
    return [len(case.objects)] * len(case.right)


def person_for_person(case: Case) -> List[int]:
    r"""The first person that is named is the largest one that is seen, and so on; all
    else is not seen. Without labels any box may be a person."""
    persons = iter(case.of_kind(True))
    none = len(case.objects)
    return [
        next(persons, none) if e.type == 'per' else none for e in case.tweet.entities
    ]


def kind_for_kind(case: Case) -> List[int]:
    r"""As above, and the first other entity is the largest other object, and so on.
    Without labels the first entity is the largest box."""
    persons = iter(case.of_kind(True))
    others = iter(case.of_kind(False)) if case.named else persons
    return [
        next(persons if e.type == 'per' else others, len(case.objects))
        for e in case.tweet.entities
    ]


Plan = Tuple[List[List[float]], List[List[float]]]


def plan_rule(case: Case, plan: Plan, kinds: bool) -> List[int]:
    r"""The object with most of the entity's mass; of its kind only, if there are
    kinds."""
    out = []
    for e, shares in zip(case.tweet.entities, plan[0]):
        own = (case.of_kind(
            e.type == 'per') if kinds else list(range(len(case.objects))))
        out.append(max(own, key=lambda j: shares[j], default=len(case.objects)))
    return out


def plans_of(found: Sequence[Case]) -> List[Plan]:
    from eega_pyg.extraction import Extractor, Item
    extractor = Extractor.from_pretrained(device='cpu')
    results = extractor.batch([
        Item(words=c.tweet.words, scene_graph=SceneGraph(tuple(c.objects)))
        for c in found
    ], align=True, progress=True)
    out = []
    for case, result in zip(found, results):
        assert result.alignment is not None
        pairs = [result.alignment.of(e) for e in case.tweet.entities]
        out.append(([a.tolist() for a, _ in pairs], [b.tolist() for _, b in pairs]))
    return out


def accuracy(found: Sequence[Case], choose: Callable[[int, Case], Sequence[int]],
             hard: bool = False) -> float:
    r"""The share of entities that are right, in percent. Hard are those of tweets with
    another entity or another object."""
    marks = [
        c in right for n, case in enumerate(found)
        if not hard or len(case.right) > 1 or len(case.objects) > 1
        for c, right in zip(choose(n, case), case.right)
    ]
    return 100 * sum(marks) / len(marks)


def chance(found: Sequence[Case], hard: bool = False) -> float:
    marks = [
        len(right) / (len(case.objects) + 1) for case in found
        if not hard or len(case.right) > 1 or len(case.objects) > 1
        for right in case.right
    ]
    return 100 * sum(marks) / len(marks)


# ---- the head ----
class Table(NamedTuple):
    r"""What a head reads of all entities, whether an object is there, and whether a
    choice is right; none is the last."""
    pairs: Tensor
    nothing: Tensor
    there: Tensor
    right: Tensor


def table(found: Sequence[Case], plans: Optional[Sequence[Plan]] = None) -> Table:
    most = max(len(c.objects) for c in found)
    number = sum(len(c.right) for c in found)
    size = PAIR_SIZE + (0 if plans is None else 2)
    out = Table(torch.zeros(number, most, size), torch.zeros(number, 17),
                torch.zeros(number, most, dtype=torch.bool),
                torch.zeros(number, most + 1, dtype=torch.bool))
    row = 0
    for n, case in enumerate(found):
        m, k = len(case.right), len(case.objects)
        made = choices(case.tweet.entities, case.objects, len(case.tweet.words))
        rows = slice(row, row + m)
        out.pairs[rows, :k, :PAIR_SIZE] = made.pairs
        if plans is not None:
            shares = torch.tensor(plans[n]).permute(1, 2, 0)  # [m, k, 2]
            out.pairs[rows, :k, PAIR_SIZE:] = (shares * k).clamp(min=1e-3).log()
        out.nothing[rows], out.there[rows, :k] = made.nothing, True
        for i, right in enumerate(case.right):
            for j in right:
                out.right[row + i, most if j == k else j] = True
        row += m
    return out


def fit(data: Table, seed: int, args: argparse.Namespace) -> GroundingHead:
    torch.manual_seed(seed)
    head = GroundingHead(args.hidden, data.pairs.size(-1))
    for name, values in (('pair', data.pairs[data.there]), ('nothing', data.nothing)):
        getattr(head, f'{name}_mean').copy_(values.mean(0))
        getattr(head, f'{name}_std').copy_(values.std(0).clamp(min=0.05))
    optimizer = torch.optim.AdamW(head.parameters(), args.lr,
                                  weight_decay=args.weight_decay)
    known = data.right.any(1).nonzero().flatten()  # Some boxes are beyond MOST.
    steps = args.epochs * len(batches(data, known, args.batch_size))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(args.epochs):
        for rows in batches(data, known, args.batch_size):
            p = log_shares(head, data, rows)
            right = data.right[rows][:, list(range(p.size(1) - 1)) + [-1]]
            loss = -p.masked_fill(~right, -math.inf).logsumexp(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return head.eval()


def batches(data: Table, rows: Tensor, size: int) -> List[Tensor]:
    r"""The rows in a random order, those with about as many objects together, since
    most have one."""
    kind = data.there[rows].sum(1).double().log2().ceil()
    found = [
        part for k in kind.unique() for own in [rows[kind == k]]
        for part in own[torch.randperm(len(own))].split(size)
    ]
    return [found[i] for i in torch.randperm(len(found)).tolist()]


def log_shares(head: GroundingHead, data: Table, rows: Any = slice(None)) -> Tensor:
    most = int(data.there[rows].sum(1).max())
    logits = head(data.pairs[rows, :most], data.nothing[rows])
    there = torch.nn.functional.pad(data.there[rows, :most], (0, 1), value=True)
    return logits.masked_fill(~there, -1e9).log_softmax(1)


@torch.no_grad()
def chosen(head: GroundingHead, found: Sequence[Case], data: Table) -> List[List[int]]:
    shares, out = log_shares(head, data), []
    for case, own in zip(found, shares.split([len(c.right) for c in found])):
        own = own[:, [*range(len(case.objects)), -1]]
        out.append(assigned(own, names_of(case.tweet.entities, case.tweet.words)))
    return out


@torch.no_grad()
def calibration(head: GroundingHead, data: Table) -> float:
    r"""The expected calibration error of the probabilities, in ten bins, in percent."""
    p, best = log_shares(head, data).exp().max(1)
    right = data.right[torch.arange(len(p)), best].float()
    bins = (p * 10).long().clamp(max=9)
    parts = [(p[bins == b] - right[bins == b]).sum().abs() for b in range(10)]
    return 100 * float(sum(parts)) / len(p)


def both(found: Sequence[Case], choose: Callable[[int, Case],
                                                 Sequence[int]]) -> List[float]:
    return [accuracy(found, choose), accuracy(found, choose, hard=True)]


def measured(train: List[Tweet], val: List[Tweet], setting: str, plans: Dict[str, Any],
             args: argparse.Namespace) -> Tuple[Dict[str, Any], GroundingHead]:
    r"""The accuracies of all systems in a setting, each as a list over seeds, and a
    head."""
    known, asked = cases(train, setting, 1), cases(val, setting, 2)
    rules: Dict[str, Choose] = {
        'none': nothing,
        'person for person': person_for_person,
        'kind for kind': kind_for_kind
    }
    scores: Dict[str, List[List[float]]] = {
        'chance': [[chance(asked), chance(asked, hard=True)]]
    }
    for name, rule in rules.items():
        scores[name] = [both(asked, lambda n, c: rule(c))]
    sides = plans.get(setting)
    if sides is not None:
        scores['plan'] = [
            both(asked, lambda n, c: plan_rule(c, sides['val'][n], False))
        ]
        if setting != 'bare':
            scores['plan, of its kind'] = [
                both(asked, lambda n, c: plan_rule(c, sides['val'][n], True))
            ]
    draws = [known]
    if setting == 'crowd':
        draws += [cases(train, setting, 10 + i) for i in range(1, DRAWS)]
    every = [case for part in draws for case in part]
    data, there = table(every), table(asked)
    heads, errors = [], []
    for seed in range(args.seeds):
        heads.append(fit(data, seed, args))
        found = chosen(heads[-1], asked, there)
        scores.setdefault('head', []).append(both(asked, lambda n, c: found[n]))
        errors.append(calibration(heads[-1], there))
        print(setting, seed, scores['head'][-1], f'ECE {errors[-1]:.1f}', flush=True)
    if sides is not None:
        data, there = table(known, sides['train']), table(asked, sides['val'])
        for seed in range(args.seeds):
            found = chosen(fit(data, seed, args), asked, there)
            scores.setdefault('head with the plans',
                              []).append(both(asked, lambda n, c: found[n]))
            print(setting, 'plans', seed, scores['head with the plans'][-1], flush=True)
    number = [len(c.right) for c in asked]
    hard = [len(c.right) for c in asked if len(c.right) > 1 or len(c.objects) > 1]
    return {
        'entities': sum(number),
        'hard_entities': sum(hard),
        'tweets': len(asked),
        'seen': sum(right != [len(c.objects)] for c in asked for right in c.right),
        'calibration_error': errors,
        'accuracy': scores
    }, heads[0]


def report(record: Dict[str, Any]) -> str:
    r"""The table of the results."""
    names = list(
        dict.fromkeys(n for s in record['settings'].values() for n in s['accuracy']))
    rows = []
    for name in names:
        cells = []
        for part in (0, 1):
            for setting in SETTINGS:
                values = record['settings'][setting]['accuracy'].get(name)
                cells.append('' if values is
                             None else _spread([v[part] for v in values]))
        rows.append([name, *cells])
    about = '; '.join(
        f"{name}: {s['entities']:,} entities of {s['tweets']:,} tweets, {s['seen']:,} "
        f"of them seen, {s['hard_entities']:,} hard"
        for name, s in record['settings'].items())
    head = [*SETTINGS, *(f'{s}, hard' for s in SETTINGS)]
    return (f"{record['machine']}, {record['date']}; {record['seeds']} seeds.\n\n" +
            markdown(['entities that are right, %', *head], rows) +
            f'\n\nDev split; hard are the entities of tweets with another entity or '
            f'another object. {about}.')


def _spread(values: Sequence[float]) -> str:
    mean = f'{np.mean(values):.1f}'
    return mean if len(values) == 1 else f'{mean} ± {np.std(values, ddof=1):.1f}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument(
        '--out', type=Path, help='where the head of the setting crowd, '
        'first seed, is saved')
    parser.add_argument('--plans', type=Path, default=Path('grounding_plans.pt'),
                        help='where the plans are kept')
    parser.add_argument('--json', type=Path, default=RESULTS)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--hidden', type=int, default=64)
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--lr', type=float, default=2e-3)
    parser.add_argument('--weight-decay', type=float, default=0.05)
    args = parser.parse_args()
    train, val = read(args.folder, 'train'), read(args.folder, 'val')
    if not args.plans.is_file():
        found = {
            setting: {
                name: plans_of(cases(part, setting, 0))
                for name, part in (('train', train), ('val', val))
            }
            for setting in ('bare', 'kind')
        }
        with atomic(args.plans) as temporary:
            torch.save(found, temporary)
    plans = torch.load(args.plans, weights_only=True)
    settings = {}
    for setting in SETTINGS:
        settings[setting], head = measured(train, val, setting, plans, args)
    if args.out is not None:
        head.save(args.out)
    record = {
        'settings': settings,
        'seeds': args.seeds,
        'arguments': {
            name: getattr(args, name)
            for name in ('hidden', 'epochs', 'batch_size', 'lr', 'weight_decay')
        },
        'machine': platform.platform(),
        'date': datetime.date.today().isoformat(),
    }
    write_text(args.json, json.dumps(record, indent=1) + '\n')
    print(report(record))


if __name__ == '__main__':
    main()

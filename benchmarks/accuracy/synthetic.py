r"""Can the model read what only the types of a scene graph's edges say?

    python -m benchmarks.accuracy.synthetic datasets/synthetic

A sentence names two people ("Ada and Boris at the party"); how they are related stands
in the scene graph alone. There a woman and a man are joined by an edge whose type tells
the relation (*kissing* a couple, *hugging* siblings, *facing* peers, *waving at*
neighbours), and two things by an edge of another one of these types. Texts, labels and
the shape of the graphs are alike for all four relations, so without the types of the
edges one in four can be guessed. The names of the validation split are not among those
of the training split.

The data set is written to the folder if there is none. The encoder is at rest and not
pretrained, there is no image dropout, and the learning rate is twice the preset's.
Finished runs are kept in ``benchmarks/results/synthetic.json``.
"""
import random
from pathlib import Path
from typing import Any, Dict, List

from benchmarks.accuracy.ingredients import PAPER
from benchmarks.runner import parser, show, sweep, table, variant_runs
from eega_pyg.files import write_text
from eega_pyg.schema import SceneGraph, SceneObject, ScenePredicate

RELATIONS = {
    'kissing': 'couple',
    'hugging': 'siblings',
    'facing': 'peer',
    'waving at': 'neighbor',
}
SIZES = {'train': 800, 'val': 200}
NAMES = {
    'train': {
        'woman':
        'Ada Alice Anna Bella Clara Diana Elena Emma Eva Fiona Grace Greta Hanna '
        'Helen Ida Iris Jane Julia Kate Laura Lena Linda Lucy Maria Martha Mary Mia '
        'Nina Olga Petra Rosa Ruth Sara Sofia Stella Tina Vera'.split(),
        'man':
        'Alan Ben Boris Bruno Carl David Emil Erik Felix Frank Harry Henry Hugo Igor '
        'Ivan Jack Jonas Karl Kevin Leo Louis Lucas Marco Mark Martin Max Nick Oliver '
        'Otto Paul Peter Robert Simon Sven Thomas Tom Victor'.split(),
    },
    'val': {
        'woman':
        'Amelia Barbara Caroline Eleanor Florence Gloria Isabel Jennifer Jessica '
        'Margaret Monica Nicole Rachel Rebecca Sophie'.split(),
        'man':
        'Adam Arthur Daniel Dennis George Jacob James John Joseph Kenneth Michael '
        'Nathan Patrick Richard William'.split(),
    },
}
PLACES = ('in one photo', 'together tonight', 'at the party', 'on stage today',
          'in the park this morning', 'before the show')
THINGS = ('dog', 'car', 'horse', 'table', 'statue', 'tree', 'chair', 'boat')
SETTING = ('data.visual=["scenes_{split}"]', 'model.image_dropout=0',
           'model.freeze_layers=6', 'train.lr=1e-3', 'train.pretrain_epochs=0')
ABLATIONS = {
    'full': (),
    'without alignment': ('model.lambda_graph=0', ),
    'with the alignment of the paper': ('model.lambda_graph=0.6', *PAPER),
    'without edge types': ('model.edge_dim=0', ),
    'without the image': ('model.visual=false', ),
}


def write(root: Path, seed: int = 0) -> None:
    r"""Writes text and scene graphs as :class:`~eega_pyg.datasets.JMERE` reads them."""
    rng = random.Random(seed)
    for split, size in SIZES.items():
        lines = []
        for i in range(size):
            image = f'{split}_{i:04}.jpg'
            persons = [rng.choice(NAMES[split][label]) for label in ('woman', 'man')]
            rng.shuffle(persons)
            words = [persons[0], 'and', persons[1], *rng.choice(PLACES).split()]
            verbs = rng.sample(list(RELATIONS), 2)
            lines.append({
                'token': words,
                'img_id': image,
                'relation': f'/per/per/{RELATIONS[verbs[0]]}',
                **{
                    key: {
                        'name': words[i],
                        'pos': [i, i + 1]
                    }
                    for key, i in (('h', 0), ('t', 2))
                },
            })
            write_text(root / 'raw' / f'scenes_{split}' / f'{image}.json',
                       scene(verbs, rng).to_json())
        write_text(root / 'raw' / f'mnre_{split}.txt',
                   ''.join(f'{line!r}\n' for line in lines))


def scene(verbs: List[str], rng: random.Random) -> SceneGraph:
    r"""The people are joined by the first verb and two things by the second, each way
    round with the same chance."""
    pairs = [['woman', 'man'], rng.sample(THINGS, 2)]
    labels = pairs[0] + pairs[1]
    rng.shuffle(labels)
    predicates = []
    for pair, verb in zip(pairs, verbs):
        subject, object_ = rng.sample(pair, 2)
        predicates.append(
            ScenePredicate(labels.index(subject), verb, labels.index(object_)))
    return SceneGraph(tuple(map(SceneObject, labels)), tuple(predicates))


def rows(records: List[Dict[str, Any]]) -> List[List[str]]:
    return table(records, ABLATIONS)


def main() -> None:
    args = parser(__doc__, 'synthetic', epochs=5, preset='default',
                  variants=ABLATIONS).parse_args()
    args.overrides = [*SETTING, *args.overrides]
    if not args.root.exists():
        write(args.root)
    records = sweep(variant_runs(args, ABLATIONS, seeds=(0, 1, 2)), args)
    show(rows(records), args.markdown)


if __name__ == '__main__':
    main()

r"""Arguments and options that several commands take."""
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional

import typer

from .console import be_quiet

if TYPE_CHECKING:
    from eega_pyg.extraction.extractor import Extractor
    from eega_pyg.extraction.item import Item

# The most items that an error names.
_SHOWN = 10

Root = typer.Argument(help='Folder of the data set; its raw files are in ROOT/raw.',
                      show_default=False)
Preset = typer.Option('default', '--preset', help='A preset (paper, default) or a YAML '
                      'file of your own.')
Set = typer.Option([], '--set', metavar='SECTION.FIELD=VALUE', show_default=False,
                   help='Replaces one field of the preset, e.g. train.lr=3e-5; may be '
                   'repeated.')
Model = typer.Option(
    None, '--model', '-m', help='Folder that "eega train" has written, '
    'or a model of the Hugging Face hub.', show_default=False)
OptionalModel = typer.Option(
    None, '--model', '-m', help='Folder that "eega train" has written, or a model of '
    'the Hugging Face hub \\[default: the checkpoint of the package].',
    show_default=False)
Device = typer.Option(
    None, '--device', show_default=False, help='Where models run, e.g. cpu or cuda '
    '\\[default: the first accelerator, else the CPU].')


def known_detector(name: Optional[str]) -> Optional[str]:
    r"""The callback of the option ``--detector``: what is no name is told before much
    is loaded."""
    if name is not None:
        from eega_pyg.vision.detectors.named import check_name
        check_name(name)
    return name


Detector = typer.Option(
    None, '--detector', metavar='NAME', show_default=False, callback=known_detector,
    help='What looks at images: '
    'mask-rcnn, ssdlite, a detector of transformers (hf:MODEL of the Hugging Face hub, '
    'or hf:FOLDER), or a function of your own (FILE.py:FUNCTION) \\[default: '
    'mask-rcnn].')
MinProbability = typer.Option(
    None, '--min-probability', min=0, max=1, show_default=False, help='Leave out '
    'relations, and entities of none, that are less probable \\[default: the '
    'thresholds of the model].')
Quiet = typer.Option(False, '--quiet', '-q', callback=be_quiet,
                     help='Print results, warnings and errors only.')
Input = typer.Option(
    None, '--input', '-i', show_default=False, help='Texts: a file that ends in .txt '
    '(a text a line), .csv or .tsv (a column "text"), .jsonl, .json or .parquet, a '
    'folder of such files, a pattern in quotes, or - for the standard input.')


class Unit(str, Enum):
    line = 'line'
    paragraph = 'paragraph'
    document = 'document'


SampleBy = typer.Option(
    Unit.line, '--sample-by', help='What a text of a .txt is: a line, a paragraph '
    '(between blank lines), or all of it, a document.')
Caption = typer.Option(None, help='What the image shows, in a sentence.')
SceneGraphFile = typer.Option(
    None, '--scene-graph', help='What the image shows, as the JSON file of a scene '
    'graph.')


def output(text: str, default: Any = ...) -> Any:
    r"""The option ``--output``."""
    return typer.Option(default, '--output', '-o', show_default=False, help=text)


class Split(str, Enum):
    train = 'train'
    val = 'val'
    test = 'test'


def check_root(root: Path) -> None:
    r"""Raises a :class:`FileNotFoundError` where there is no data set."""
    if root.is_file():
        raise NotADirectoryError(
            f"'{root}' is a file: a data set is a folder. Put the texts to learn from "
            f"into FOLDER/raw/train.jsonl and some others, by which the best epoch is "
            f"chosen, into FOLDER/raw/val.jsonl, and name FOLDER")
    # JMERE itself would make the folder and download MNRE's text into it.
    if not (root / 'raw').is_dir():
        raise FileNotFoundError(f"There is no data set in '{root}' (no folder "
                                f"'{root / 'raw'}'): 'eega build {root} --download' "
                                f"makes one of the text of MNRE")


def one_item(text: Optional[str], caption: Optional[str], scene_graph: Optional[Path],
             image: Optional[Path]) -> 'Item':
    r"""The item that the options of a command describe."""
    from eega_pyg.extraction.item import Item
    from eega_pyg.json_yaml import read_json
    from eega_pyg.schema import SceneGraph, validated
    graph = None
    if scene_graph is not None:
        graph = validated(SceneGraph, read_json(scene_graph), scene_graph)
    return Item(text or '', caption=caption, scene_graph=graph, image=image)


def check_items(extractor: 'Extractor', items: Dict[str, 'Item']) -> None:
    r"""Raises a :class:`ValueError` that names file and line of each item that cannot
    be read, or of the first of many."""
    wrong = []
    for place, item in items.items():
        try:
            extractor.check(item)
        except (ValueError, OSError) as e:
            wrong.append(f'{place}: {e}' if place else str(e))
    if len(wrong) == 1:
        raise ValueError(wrong[0])
    if wrong:
        more = [f'and {len(wrong) - _SHOWN:,} more'] if len(wrong) > _SHOWN else []
        raise ValueError(f'{len(wrong):,} of {len(items):,} items cannot be read: ' +
                         '; '.join([*wrong[:_SHOWN], *more]))

r"""The command ``eega convert``."""
from enum import Enum
from pathlib import Path
from typing import Optional

import typer

from .console import note, tell
from .options import Quiet


class FormatName(str, Enum):
    jsonl = 'jsonl'
    mnre = 'mnre'
    conll = 'conll'
    spert = 'spert'
    brat = 'brat'
    doccano = 'doccano'
    label_studio = 'label-studio'
    gliner = 'gliner'
    prodigy = 'prodigy'
    spacy = 'spacy'


def convert(
    source: Path = typer.Argument(
        metavar='IN', show_default=False, help='The file with '
        'the texts; of brat the folder.'),
    target: Path = typer.Argument(metavar='OUT', show_default=False, help='The file to '
                                  'write; of brat a new folder.'),
    source_form: Optional[FormatName] = typer.Option(
        None, '--from', show_default=False, help='The format of IN \\[default: what it '
        'looks like].'),
    target_form: Optional[FormatName] = typer.Option(
        None, '--to', show_default=False, help='The format of OUT \\[default: what its '
        'ending says].'),
    widen: bool = typer.Option(
        False, '--widen', help='Where OUT holds words: an entity that cuts a word gets '
        'all of it.'),
    overlapping: bool = typer.Option(False, '--overlapping',
                                     help='Take entities that overlap.'),
    spacy_model: str = typer.Option(
        'en_core_web_sm', help='The spaCy pipeline that '
        'splits texts into words, where OUT holds words.'),
    quiet: bool = Quiet,
) -> None:
    r"""Writes annotated texts in another format, and says what that cannot hold."""
    from eega_pyg.formats.convert import convert
    number, left_out = convert(source, target, source_form and source_form.value,
                               target_form and target_form.value, overlapping, widen,
                               spacy_model)
    if left_out:
        parts = ', '.join(f'{count:,} {what}' for what, count in left_out.items())
        tell(f'left out: {parts}', '[yellow]warning:[/yellow]')
    note(f'Wrote {target} ({number:,} texts read)')
    page = target.with_suffix('.config.xml')
    if target_form is FormatName.label_studio and page.is_file():
        note(f'Wrote {page}, the configuration of its page')

r"""Annotated texts, and the files of other tools that hold them."""
from .annotated import AnnotatedEntity, AnnotatedRelation, AnnotatedText, tags_of
from .convert import FORMATS, Format, convert, read_texts, write_texts
from .held import FEATURES
from .label_studio_tasks import labelling_config
from .recognition import recognized
from .words import in_words, word_spans

__all__ = [
    'AnnotatedEntity',
    'AnnotatedRelation',
    'AnnotatedText',
    'FEATURES',
    'FORMATS',
    'Format',
    'convert',
    'in_words',
    'labelling_config',
    'read_texts',
    'recognized',
    'tags_of',
    'word_spans',
    'write_texts',
]

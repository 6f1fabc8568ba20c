r"""The tags of a word-pair table."""
from functools import cached_property
from typing import Annotated, Any, Tuple

from pydantic import Field

from .checks import Name, listed, record, short, validated


@record
class TagSet:
    r"""The tags of a word-pair table: none, the entity types, the relations.

    Tag 0 is ``'none'``; the types follow, then the relations.

    Args:
        types (tuple of str): Entity types.
        relations (tuple of str): Relations.

    Raises:
        ValueError: On an empty or repeated name, one of several lines, or no type at
            all.
    """
    types: Annotated[Tuple[Name, ...], Field(min_length=1)]
    relations: Tuple[Name, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self):
            repeated = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ValueError(f"Repeated names in a TagSet: {repeated}: each type and "
                             f"each relation needs a name of its own that is not "
                             f"'none'")
        for name in self.names:
            if len(name.splitlines()) > 1:
                raise ValueError(f"Expected a name of one line (got {short(name)})")

    @property
    def names(self) -> Tuple[str, ...]:
        r"""All tag names in the order of their ids."""
        return ('none', *self.types, *self.relations)

    def __len__(self) -> int:
        return 1 + len(self.types) + len(self.relations)

    @cached_property
    def _ids(self) -> dict:
        return {name: i for i, name in enumerate(self.names)}

    def id(self, name: str) -> int:
        r"""The id of a type or relation; a :class:`ValueError` if unknown."""
        if name not in self._ids:
            raise ValueError(f'Unknown type or relation {short(name)} (known types: '
                             f'{listed(self.types)}; known relations: '
                             f'{listed(self.relations)})')
        return self._ids[name]

    @property
    def type_ids(self) -> range:
        r"""The tag ids of the entity types."""
        return range(1, 1 + len(self.types))

    @property
    def relation_ids(self) -> range:
        r"""The tag ids of the relations."""
        return range(1 + len(self.types), len(self))

    def to_dict(self) -> dict:
        return {'types': list(self.types), 'relations': list(self.relations)}

    @classmethod
    def from_dict(cls, value: Any) -> 'TagSet':
        r"""Reads ``{"types": […], "relations": […]}``."""
        return validated(TagSet, value, 'tag set')


#: Types and relations of JMERE; ``alumi`` is the data's own spelling.
JMERE_TAGS = TagSet(
    types=('per', 'org', 'loc', 'misc'),
    relations=('parent', 'siblings', 'couple', 'neighbor', 'peer', 'charges', 'alumi',
               'alternate_names', 'place_of_residence', 'place_of_birth', 'member_of',
               'subsidiary', 'locate_at', 'contain', 'present_in', 'awarded', 'race',
               'religion', 'nationality', 'part_of', 'held_on'),
)

#: The relations of JMERE in which head and tail can be swapped.
JMERE_SYMMETRIC = frozenset(
    {'siblings', 'couple', 'neighbor', 'peer', 'alternate_names'})

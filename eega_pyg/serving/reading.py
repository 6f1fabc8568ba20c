r"""Requests to items, which are checked before they wait for the model."""
import base64
import binascii
import json
import math
import os
import re
from dataclasses import dataclass
from dataclasses import fields as fields_of
from email.message import Message
from functools import partial
from typing import (
    Any,
    Dict,
    Generic,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from eega_pyg.extraction.item import FIELDS, Item
from eega_pyg.schema import short, validated
from eega_pyg.vision.images import load_image, open_picture

from .limits import Limits
from .refusal import Refusal, Wrong

Kind = TypeVar('Kind')

#: The fields of an item.
ITEM_FIELDS = (*FIELDS, 'metadata')
#: The fields of a form that are text; the others are JSON.
PLAIN = ('text', 'caption', 'image_id', 'format', 'images')
#: Lists and objects within one another.
MOST_NESTED = 50
_DATA_URI = re.compile(r'data:image/[\w.+-]{1,40};base64,')


@dataclass(frozen=True)
class Asked(Generic[Kind]):
    r"""A request, and its items."""
    options: Kind
    items: List[Item]


class _TooLong(ValueError):
    pass


class Reader:
    r"""Reads requests.

    Args:
        limits (Limits): The limits.
        images (bool): Whether the service looks at images.
    """
    def __init__(self, limits: Limits, images: bool) -> None:
        self.limits = limits
        self.images = images
        # So that not all images are decoded at once.
        self._limiter = CapacityLimiter(2)

    async def __call__(self, request: Request, kind: Type[Kind]) -> Asked[Kind]:
        r"""Reads a request of JSON or of a form, which has one item and at most one
        image.

        Raises:
            Refusal: Naming the field, and the item, if something is wrong.
        """
        headers = Message()
        headers['content-type'] = request.headers.get('content-type', '')
        content_type = headers['content-type'].partition(';')[0].strip()
        upload: Optional[bytes] = None
        if content_type.lower() == 'application/json':
            body = await request.body()
            try:
                value = await run_sync(_parsed, body, limiter=self._limiter)
            except ValueError as e:
                raise Refusal(422,
                              f'The request is not valid JSON in UTF-8: {e}') from None
        elif content_type.lower() == 'multipart/form-data':
            await _check_form(request, headers)
            async with request.form(max_files=1, max_fields=20,
                                    max_part_size=self.limits.body) as form:
                names = (f.name for f in fields_of(kind))  # type: ignore[arg-type]
                value, upload = await _of_form(form, (*ITEM_FIELDS, *names))
        else:
            raise Refusal(
                415, f"Expected application/json or multipart/form-data (got "
                f"{short(content_type)})")
        return await run_sync(partial(self._read, value, upload, kind),
                              limiter=self._limiter)

    def _read(self, value: Any, upload: Optional[bytes],
              kind: Type[Kind]) -> Asked[Kind]:
        if not isinstance(value, dict):
            raise Refusal(422, f'Expected an object (got {short(value)})')
        try:
            options = validated(kind, value)
        except ValueError as e:
            raise Refusal(422, str(e)) from None
        if len(options.items) > self.limits.items:
            raise Refusal(
                413, f'items: has {len(options.items):,} items, and at most '
                f'{self.limits.items:,} are read at once: send them in parts')
        items, wrong, status = [], [], 422
        for i, content in enumerate(options.items):
            try:
                items.append(self._item(content, upload))
            except _TooLong as e:
                status = 413
                wrong.append(Wrong(i, str(e)))
            except ValueError as e:
                wrong.append(Wrong(i, str(e)))
        if wrong:
            more = f' (and {len(wrong) - 1} more)' if len(wrong) > 1 else ''
            raise Refusal(status, f'items[{wrong[0].item}]: {wrong[0].reason}{more}',
                          wrong)
        return Asked(options, items)

    def _item(self, value: Any, upload: Optional[bytes]) -> Item:
        if isinstance(value, str):
            value = {'text': value}
        if not isinstance(value, dict):
            raise ValueError(f'expected a text or an object (got {short(value)})')
        if unknown := value.keys() - set(ITEM_FIELDS):
            raise ValueError(f"unknown field {short(min(unknown))} (known: "
                             f"{', '.join(ITEM_FIELDS)}): what else is known of a text "
                             f"belongs into 'metadata'")
        fields = {k: v for k, v in value.items() if v is not None}
        content = fields.pop('image', None)
        if not isinstance(fields.get('metadata', {}), dict):
            raise ValueError(f"metadata: expected an object (got "
                             f"{short(fields['metadata'])})")
        text, words = fields.get('text'), fields.get('words')
        length = len(text) if isinstance(text, str) else 0
        if isinstance(words, list):
            length = max(length, sum(len(str(word)) + 1 for word in words) - 1)
        if length > self.limits.characters:
            raise _TooLong(f'text: has {length:,} characters, and at most '
                           f'{self.limits.characters:,} are read at once: split it')
        item = Item.from_dict(fields)
        if upload is not None:
            content = upload
        if content is None:
            return item
        return Item.from_dict({
            **fields, 'image': self._picture(content, item.image_id)
        })

    def _picture(self, content: Any, image_id: str) -> Any:
        if not self.images:
            raise ValueError("image: this service looks at no images: give a caption "
                             "or a scene graph")
        try:
            data = content if isinstance(content, bytes) else _decoded(content)
            if not data:
                raise ValueError('image: the file is empty')
            name = image_id or 'image'
            # Decoded to see whether it can be, and kept as it came, for a picture
            # that waits should not take 75 MB.
            with open_picture(data, name, self.limits.pixels) as picture:
                load_image(picture, self.limits.pixels)
            return open_picture(data, name, self.limits.pixels)
        except OSError as e:
            raise ValueError(f'image: {e}') from None


def _decoded(content: Any) -> bytes:
    wrong = (f"image: expected the content of an image file in base64 (got "
             f"{short(content)}); a path or an address is never opened")
    if not isinstance(content, str):
        raise ValueError(wrong)
    if mark := _DATA_URI.match(content):
        content = content[mark.end():]
    try:
        return base64.b64decode(''.join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(wrong) from None


def _parsed(content: Union[str, bytes]) -> Any:
    r"""The value of JSON as its standard has it: without infinity and NaN. It can be
    written again, for it is not nested too deep.

    Raises:
        ValueError: If it is not.
    """
    if isinstance(content, bytes):
        content = content.decode('utf-8-sig')
    nested = f'more than {MOST_NESTED} lists and objects within one another'
    try:
        value = json.loads(content, parse_constant=_number, parse_float=_number)
    except RecursionError:
        raise ValueError(nested) from None
    level = [value]
    for _ in range(MOST_NESTED):
        level = [
            v for x in level if isinstance(x, (dict, list))
            for v in (x.values() if isinstance(x, dict) else x)
        ]
    if level:
        raise ValueError(nested)
    return value


def _number(text: str) -> float:
    if math.isfinite(value := float(text)):
        return value
    raise ValueError(f'{text} is no number')


async def _check_form(request: Request, headers: Message) -> None:
    r"""Refuses what the parser of forms would read in part, or not decode."""
    charset = headers.get_content_charset('utf-8')
    if charset not in ('utf-8', 'utf8', 'us-ascii'):
        raise Refusal(415, f'Expected a form in UTF-8 (got {short(charset)})')
    boundary = headers.get_boundary()
    if boundary is None:
        raise Refusal(400, 'The content type of the form names no boundary')
    if f'--{boundary}--'.encode() not in await request.body():
        raise Refusal(400, 'The form is cut short: its last boundary is missing')


async def _of_form(form: FormData,
                   names: Sequence[str]) -> Tuple[Dict[str, Any], Optional[bytes]]:
    r"""The request that a form stands for, and the content of its image."""
    item: Dict[str, Any] = {}
    options: Dict[str, Any] = {}
    upload: Optional[bytes] = None
    file_name = ''
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and not (value.filename or value.size):
            continue  # What a browser sends where no file was chosen.
        if value and name not in names:
            raise Refusal(
                422, f"unknown field {short(name)} (known: "
                f"{', '.join(n for n in names if n != 'items')})")
        where = item if name in ITEM_FIELDS else options
        if name in where or (name == 'image' and upload is not None):
            raise Refusal(422, f'{short(name)}: is there twice')
        if isinstance(value, UploadFile):
            if name != 'image':
                raise Refusal(
                    422, f"{short(name)}: expected the only file to be "
                    f"'image'")
            upload = await value.read()
            file_name = os.path.basename(value.filename or '')
        elif name in PLAIN or name == 'image':
            where[name] = value
        elif value:  # A field that was left empty is not there.
            try:
                where[name] = _parsed(value)
            except ValueError:
                raise Refusal(
                    422, f'{short(name)}: expected JSON (got {short(value)})') from None
    if file_name:
        item.setdefault('image_id', file_name)
    if not item and upload is None:
        return options, upload
    if 'items' in options:
        raise Refusal(
            422, "items: a form has the fields of one item: send several as "
            "JSON")
    return {'items': [item], **options}, upload

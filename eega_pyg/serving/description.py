r"""What the service's OpenAPI document says of requests and answers.

Requests are checked by our own records, whose errors name item and field, so their
schemas are put here into what FastAPI writes.
"""
from typing import Any, Dict, List

from pydantic import TypeAdapter

from eega_pyg.extraction.item import MAX_CAPTION, Item
from eega_pyg.schema import SceneGraph

from .asked import ExplainRequest, ExtractRequest, GraphRequest
from .examples import EXAMPLES, ITEM, RESULT
from .graphs import MEDIA_TYPES, formats
from .limits import Limits

Schema = Dict[str, Any]

_REFERENCE = '#/components/schemas/{model}'
_ITEM = 'A text, and what is known of its image: a caption, a scene graph or the image.'
_FIELDS = {
    'text':
    'The text. Give this or its words.',
    'words':
    'The words of the text, which are then not cut any further.',
    'caption':
    'A sentence that says what the image shows.',
    'scene_graph':
    'What the image shows. Give a caption or a scene graph, not both.',
    'image_id':
    'A name to find the image by; it is passed on.',
    'image':
    'The content of an image file in base64, with or without the beginning '
    'of a data URI. The model looks at it only without a caption and a scene graph. A '
    'path or an address is refused.',
    'metadata':
    'What else is known of the text; it is passed on.',
}
_NULL = {'type': 'null'}
#: Fields that forms take, too, but as JSON, which is no matter of forms.
_NOT_IN_FORMS = ('words', 'scene_graph', 'items', 'results')
_REASONS = {
    400: 'The form cannot be read.',
    408: 'The request did not arrive in time.',
    413: 'The request, a text or the number of items is too large.',
    415: 'The request is neither JSON nor a form.',
    422: 'Something is wrong; the answer names item and field.',
    503: 'Too many wait: ask again after as many seconds as Retry-After says.',
}


def schemas(limits: Limits, images: bool) -> Dict[str, Schema]:
    r"""The schemas of all that requests and answers hold, by their names. No item has
    an image if the service looks at none."""
    found: Dict[str, Schema] = {}
    for kind in (Item, SceneGraph, ExtractRequest, ExplainRequest, GraphRequest):
        schema = TypeAdapter(kind).json_schema(ref_template=_REFERENCE)
        found.update(schema.pop('$defs', {}))
        found[kind.__name__] = schema
    for schema in found.values():
        schema['description'] = schema['description'].partition('\n')[0]
    found['SceneGraph']['required'] = ['objects']
    found['Item'] = _item(found['Item'], limits, images)
    some = {
        'type': 'array',
        'maxItems': limits.items,
        'items': {
            'anyOf': [{
                **found['Item']['properties']['text'], 'type': 'string'
            }, {
                '$ref': _REFERENCE.format(model='Item')
            }]
        }
    }
    result = {'type': 'object', 'additionalProperties': True, 'example': RESULT}
    extract, graph = found['ExtractRequest'], found['GraphRequest']
    extract['properties']['items'] = {**some, 'minItems': 1}
    extract['description'] = 'What is to be extracted.'
    explain = found['ExplainRequest']
    explain['properties']['items'] = {**some, 'minItems': 1, 'maxItems': 1}
    explain['description'] = 'What is to be explained.'
    graph['description'] = 'What becomes a graph: items, or what was found in some.'
    graph['properties'].update({
        'items': some,
        'results': {
            'type': 'array',
            'items': result
        },
        'format': {
            'enum': formats(),
            'default': 'jsonl'
        },
        'images': {
            'enum': ['attributes', 'nodes'],
            'default': 'attributes'
        },
    })
    graph['anyOf'] = [{
        'required': [name],
        'properties': {
            name: {
                'minItems': 1
            }
        }
    } for name in ('items', 'results')]
    for request in (extract, explain, graph):
        found[f"{request['title']}Form"] = _form(request, found['Item'])
    found['Results'] = {
        'type': 'object',
        'required': ['results'],
        'properties': {
            'results': {
                'type': 'array',
                'items': result
            }
        },
    }
    found['Explanation'] = {
        'type': 'object',
        'required': ['result', 'page'],
        'properties': {
            'result': result,
            'page': {
                'type': 'string',
                'description': 'HTML that needs no other file.'
            }
        },
    }
    found['Refusal'] = {
        'type': 'object',
        'required': ['detail'],
        'properties': {
            'detail': {
                'type': 'string'
            },
            'errors': {
                'type': 'array',
                'items': {
                    'type': 'object',
                    'required': ['item', 'reason'],
                    'properties': {
                        'item': {
                            'type': 'integer'
                        },
                        'reason': {
                            'type': 'string'
                        }
                    },
                },
            },
        },
        'example': {
            'detail': 'items[3]: caption: expected a string (got 3)',
            'errors': [{
                'item': 3,
                'reason': 'caption: expected a string (got 3)'
            }],
        },
    }
    return found


def _item(schema: Schema, limits: Limits, images: bool) -> Schema:
    properties = schema['properties']
    properties['text'] = {'type': 'string', 'pattern': r'\S'}
    properties['text']['maxLength'] = limits.characters
    properties['caption'] = {'type': 'string', 'maxLength': MAX_CAPTION}
    del properties['image']
    if images:
        properties['image'] = {'type': 'string', 'contentEncoding': 'base64'}
    for name, value in properties.items():
        value.pop('default', None)
        optional = value if 'anyOf' in value else {'anyOf': [value, {'type': 'null'}]}
        properties[name] = {**optional, 'description': _FIELDS[name]}
    there = lambda name, kind: {
        'required': [name],
        'properties': {
            name: {
                'type': kind
            }
        }
    }
    return {
        **schema,
        'description': _ITEM,
        'oneOf': [there('text', 'string'),
                  there('words', 'array')],
        'not': {
            'allOf': [there('caption', 'string'),
                      there('scene_graph', 'object')]
        },
        'example': ITEM,
    }


def _form(request: Schema, item: Schema) -> Schema:
    r"""The form of a request with one item: the fields that people fill in, none of
    which is null, and the options."""
    of_item = {
        name: next(kind for kind in value.get('anyOf', [value]) if kind != _NULL)
        for name, value in item['properties'].items()
    }
    properties = {
        name: value
        for name, value in {
            **of_item,
            **request['properties']
        }.items() if name not in _NOT_IN_FORMS
    }
    if 'image' in properties:
        properties['image'] = {'type': 'string', 'format': 'binary'}
    for name in item['properties'].keys() & properties.keys():
        properties[name] = {**properties[name], 'description': _FIELDS[name]}
    return {
        'type': 'object',
        'description': 'One item, and the options.',
        'properties': properties,
        'required': ['text'],
        'additionalProperties': False,
    }


def request_body(name: str) -> Schema:
    r"""The body of a request: JSON, or a form with one item."""
    return {
        'requestBody': {
            'required': True,
            'content': {
                'application/json': {
                    'schema': {
                        '$ref': _REFERENCE.format(model=name)
                    },
                    'examples': EXAMPLES[name],
                },
                'multipart/form-data': {
                    'schema': {
                        '$ref': _REFERENCE.format(model=f'{name}Form')
                    }
                },
            },
        }
    }


def answers(content: Schema, *statuses: int) -> Dict[Any, Schema]:
    r"""The answers of a route: what a good one holds, and the statuses of others."""
    refusal = {
        'application/json': {
            'schema': {
                '$ref': _REFERENCE.format(model='Refusal')
            }
        }
    }
    found: Dict[Any, Schema] = {200: {'content': content}}
    for status in statuses or _REASONS:
        found[status] = {'description': _REASONS[status], 'content': refusal}
    return found


def json_of(name: str) -> Schema:
    r"""An answer of JSON with a schema."""
    return {'application/json': {'schema': {'$ref': _REFERENCE.format(model=name)}}}


def graph_files() -> Schema:
    r"""An answer that is the file of a graph."""
    kinds: List[str] = [MEDIA_TYPES[name].partition(';')[0] for name in formats()]
    return {
        kind: {
            'schema': {} if kind.endswith('json') else {
                'type': 'string'
            }
        }
        for kind in kinds
    }

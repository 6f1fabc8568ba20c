r"""Examples of requests and answers in the service's OpenAPI document."""
from typing import Any, Dict

#: An item.
ITEM = {
    'text': 'Emmanuel Macron lives in Paris',
    'caption': 'a man in front of a tower',
    'metadata': {
        'post': 17
    },
}
#: What is found in a text.
RESULT = {
    'text':
    'Emmanuel Macron lives in Paris',
    'image_id':
    '',
    'entities': [{
        'text': 'Emmanuel Macron',
        'type': 'per',
        'start': 0,
        'end': 15,
        'probability': 0.98
    }, {
        'text': 'Paris',
        'type': 'loc',
        'start': 25,
        'end': 30,
        'probability': 0.97
    }],
    'quintuples': [{
        'head': {
            'text': 'Emmanuel Macron',
            'type': 'per',
            'start': 0,
            'end': 15,
            'probability': 0.98
        },
        'relation': 'place_of_residence',
        'tail': {
            'text': 'Paris',
            'type': 'loc',
            'start': 25,
            'end': 30,
            'probability': 0.97
        },
        'probability': 0.86,
        'directed': True
    }],
    'scene_graph': {
        'objects': [],
        'predicates': []
    },
}
_ONE = {'summary': 'A text and a caption', 'value': {'items': [ITEM]}}
#: Requests, by their schema and a name.
EXAMPLES: Dict[str, Any] = {
    'ExtractRequest': {
        'one': _ONE,
        'many': {
            'summary': 'Several texts',
            'value': {
                'items': ['Emmanuel Macron lives in Paris', ITEM],
                'align': True
            }
        },
    },
    'ExplainRequest': {
        'one': _ONE
    },
    'GraphRequest': {
        'extract': {
            'summary': 'Of texts',
            'value': {
                'items': [ITEM],
                'format': 'ttl'
            }
        },
        'merge': {
            'summary': 'Of earlier results',
            'value': {
                'results': [RESULT],
                'format': 'jsonl'
            }
        },
    },
}

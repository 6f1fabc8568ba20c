r"""What tells one function or object from another."""
import subprocess
import sys
from argparse import Namespace
from functools import partial

import numpy as np
import pytest
import torch
from torch_geometric.transforms import BaseTransform, Compose, ToUndirected

from eega_pyg.function_identity import function_identity
from eega_pyg.identity import digest

LEAST = 5
ARGS = Namespace(n=1)


class Settings:
    least = 5


def configured(data):
    return data > ARGS.n + Settings.least


def least(value):
    return value > LEAST


def helped(data):
    return least(data)


def other(data):
    return [least(x) for x in data]


class Tag(BaseTransform):
    def __init__(self, value):
        self.value = value

    def forward(self, data):
        return data

    def method(self, data):
        return data


class Nameless:
    def __call__(self, data):
        return data


def closed(value, extra=None):
    return lambda data: (extra, [x > value for x in data])


def nested(value):
    zero = lambda data: [x > 0 for x in data]  # noqa: E731
    one = lambda data: [x > 1 for x in data]  # noqa: E731
    return (zero, one)[value]


@pytest.mark.parametrize('make', [
    closed,
    nested,
    Tag,
    lambda v: Tag([v, {
        'a': torch.tensor([v])
    }]),
    lambda v: Tag(v).method,
    lambda v: Compose([Tag(v)]),
    lambda v: ToUndirected(reduce=['add', 'mean'][v]),
    lambda v: partial(helped, least=v),
    lambda v: closed(torch.arange(5000) + v),
    lambda v: closed(np.arange(5000) + v),
    lambda v: closed(v, Nameless()),
    lambda v: closed({'a', 'b', str(v)}),
    lambda v: [helped, other][v],
])
def test_functions_and_transforms_are_told_apart(make):
    first, again, second = (digest(function_identity(make(v))) for v in (0, 0, 1))
    assert first == again != second


@pytest.mark.parametrize('function', [helped, other, closed(least)])
def test_the_constants_of_a_module_count(function, monkeypatch):
    before = digest(function_identity(function))
    monkeypatch.setattr(sys.modules[__name__], 'LEAST', 6)
    assert digest(function_identity(function)) != before


@pytest.mark.parametrize('name, first, second', [
    ('ARGS', Namespace(n=1), Namespace(n=2)),
    ('ARGS', np.arange(2), np.arange(3)),
])
def test_any_global_that_is_named_counts(monkeypatch, name, first, second):
    found = []
    for value in (first, first, second):
        monkeypatch.setattr(sys.modules[__name__], name, value)
        found.append(digest(function_identity(configured)))
    assert found[0] == found[1] != found[2]


def test_the_constants_of_an_own_class_count(monkeypatch):
    before = digest(function_identity(configured))
    monkeypatch.setattr(Settings, 'least', 7)
    assert digest(function_identity(configured)) != before


def test_functions_that_call_each_other_have_an_identity():
    def one(data):
        return two(data) if data else 0

    def two(data):
        return one(data - 1)

    assert digest(function_identity(one)) != digest(function_identity(two))


def test_an_identity_is_the_same_in_every_process():
    code = ('from eega_pyg.function_identity import function_identity;'
            'from eega_pyg.identity import digest;'
            'f = lambda x, *, by={"a", "b", "c"}: x in {"d", "e", "f"};'
            'print(digest(function_identity(f)))')
    found = {
        subprocess.run([sys.executable, '-c', code], env={
            'PYTHONHASHSEED': seed,
            'PYTHONPATH': ':'.join(sys.path)
        }, capture_output=True, text=True, check=True).stdout
        for seed in '123'
    }
    assert len(found) == 1


@pytest.mark.parametrize('value', [Nameless(), Tag(Nameless()), Nameless().__call__])
def test_what_another_process_would_not_know_is_named(value):
    with pytest.raises(ValueError, match="<.*Nameless object .* a method 'identity'"):
        function_identity(value)

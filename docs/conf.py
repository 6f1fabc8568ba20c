r"""The site: Sphinx, MyST notebooks, and API pages out of the docstrings.

    pip install -e ".[docs,offline,plot,rdf,serve]"
    python -m sphinx -W --keep-going docs docs/_build/html
    python docs/check.py docs/_build/html

Equations are drawn in the reader's browser by MathJax, which comes from a CDN: without
a network they are shown as LaTeX. Nothing else on the pages is loaded from elsewhere.
"""
import os
import re
import sys
from importlib import import_module
from inspect import isclass, ismodule, isroutine
from pathlib import Path
from types import ModuleType
from typing import Any, List, Optional

# Sphinx imports with TYPE_CHECKING set, which pydantic's models do not bear.
import fastapi  # noqa: F401
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import eega_pyg

project = 'eega_pyg'
author = 'The eega_pyg authors'
copyright = '2026, the eega_pyg authors'
release = version = eega_pyg.__version__

extensions = [
    'sphinx.ext.autodoc',
    'sphinx.ext.mathjax',
    'sphinx.ext.napoleon',
    'myst_nb',
]
exclude_patterns = ['_build']

# Pages ----------------------------------------------------------------------------
html_theme = 'furo'
html_title = f'eega_pyg {release}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ['attrs_inline', 'colon_fence', 'deflist', 'dollarmath']
myst_heading_anchors = 3

# Notebooks: run when the site is built, each once for a given content -------------
nb_execution_mode = 'cache'
nb_execution_cache_path = str(Path(__file__).parent / '_build' / 'notebooks')
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
# Progress bars and notes of libraries.
nb_output_stderr = 'remove'
nb_merge_streams = True
for name, value in {
        'OMP_NUM_THREADS': '1',
        'TOKENIZERS_PARALLELISM': 'false',
        'HF_HUB_OFFLINE': '1',  # What a notebook needs is installed.
        'PYTHONWARNINGS': 'ignore',
}.items():
    os.environ.setdefault(name, value)

# Docstrings -----------------------------------------------------------------------
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # Types stand in the docstrings, in words.
autodoc_default_options = {'members': True}
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [('Shapes', 'notes_style')]
add_module_names = False
# What a docstring names of this package has to be on one of the pages.
nitpicky = True
nitpick_ignore_regex = [('py:.*', r'(?!eega_pyg\b).*')]

# Pages that are files of the repository ---------------------------------------------
ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ('accuracy', 'layers', 'transport', 'vision', 'speed', 'serving', 'scale')
#: Written here when the site is built. Links to the files become links to the pages.
PAGES = {
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'datasets/README.md': 'guide/data-format.md',
    'benchmarks/README.md': 'benchmarks/index.md',
    **{
        f'benchmarks/{name}/README.md': f'benchmarks/{name}.md'
        for name in BENCHMARKS
    },
    'benchmarks/accuracy/general/README.md': 'benchmarks/general.md',
    'eega_pyg/saving/checkpoints/jmere-minilm/README.md': 'models/jmere-minilm.md',
    'eega_pyg/vision/predicates/weights/vrd_predicates.md': 'models/vrd-predicates.md',
    'eega_pyg/extraction/weights/gmner_grounding.md': 'models/gmner-grounding.md',
}


def with_links(text: str, written: Path, page: Path) -> str:
    r"""The links of a file, rewritten for the page that shows it."""
    def link(match: 're.Match[str]') -> str:
        label, href = match.groups()
        path, mark, anchor = href.partition('#')
        if not path or ':' in path:
            return match[0]
        target = (written.parent / path).resolve()
        if target.is_dir():
            return label
        name = target.relative_to(ROOT).as_posix()
        if name in PAGES:
            target = ROOT / 'docs' / PAGES[name]
        return f'{label}({os.path.relpath(target, page.parent)}{mark}{anchor})'

    return re.sub(r'(!?\[[^][]*\])\(([^()\s]+)\)', link, text)


def write_pages(app: Sphinx) -> None:
    r"""Writes the pages of files of the repository, and that of the command line."""
    import typer
    from typer.cli import get_docs_for_click

    from eega_pyg.cli.main import app as commands
    texts = {}
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding='utf-8')
        text = re.sub(r'\A---\n.*?\n---\n', '', text, flags=re.DOTALL)  # Of the hub.
        texts[page] = with_links(text, ROOT / name, Path(app.srcdir) / page)
    command = typer.main.get_command(commands)
    texts['api/command-line.md'] = get_docs_for_click(
        obj=command, ctx=command.context_class(command), name='eega',
        title='Command line')
    texts['api/command-line.md'] += ('\n```{eval-rst}\n'
                                     '.. autofunction:: eega_pyg.cli.main.main\n```\n')
    pages = '\n'.join((*BENCHMARKS, 'general'))
    texts['benchmarks/index.md'] += f'\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n'
    for page, text in texts.items():
        path = Path(app.srcdir) / page
        if not path.is_file() or path.read_text(encoding='utf-8') != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding='utf-8')


def read_source(app: Sphinx, docname: str, source: List[str]) -> None:
    page = Path(app.srcdir) / f'{docname}.md'
    text = with_links(source[0], page, page)
    source[0] = re.sub(r'^\.\. automodule:: (\S+)\n',
                       lambda m: m[0] + constants(import_module(m[1])), text,
                       flags=re.MULTILINE)


def constants(package: ModuleType) -> str:
    r"""Entries for the constants and type aliases that a package takes from its
    modules, of which ``automodule`` says nothing; where a comment stands in the module,
    the entry is that of the module."""
    entries = ''
    for name in getattr(package, '__all__', ()) if hasattr(package, '__path__') else ():
        value = getattr(package, name)
        if isclass(value) or isroutine(value) or ismodule(value):
            continue
        homes = [
            module for module in sorted(sys.modules)
            if explains(module, package.__name__, name, value)
        ]
        entries += f'\n.. autodata:: {[*homes, package.__name__][0]}.{name}\n'
    return entries


def explains(module: str, package: str, name: str, value: Any) -> bool:
    r"""Whether a module of a package has a constant with a comment that says what it
    is."""
    return (module.startswith(f'{package}.')
            and vars(sys.modules[module]).get(name) is value
            and ('', name) in ModuleAnalyzer.for_module(module).find_attr_docs())


def named(name: str) -> Any:
    r"""The object of a dotted name, or :obj:`None`."""
    module, _, rest = name.rpartition('.')
    while module:
        try:
            found: Any = import_module(module)
            for part in rest.split('.'):
                found = getattr(found, part)
            return found
        except (ImportError, AttributeError):
            module, _, part = module.rpartition('.')
            rest = f'{part}.{rest}'
    return None


def find_home(app: Sphinx, env: Any, node: Any, content: Any) -> Any:
    r"""Resolves another name of an object to the one that a page shows, *e.g.*,
    ``eega_pyg.fit`` to ``eega_pyg.training.fit``."""
    target = node.get('reftarget', '')
    wanted = named(target) if target.startswith('eega_pyg.') else None
    if wanted is None:
        return None
    domain = env.domains['py']
    for shown in domain.objects:
        if shown.endswith('.' + target.rpartition('.')[2]) and named(shown) is wanted:
            return domain.resolve_xref(env, node['refdoc'], app.builder,
                                       node['reftype'], shown, node, content)
    return None


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool,
         options: Any) -> Optional[bool]:
    r"""Leaves out the fields of named tuples, which the docstrings describe."""
    text = str(getattr(obj, '__doc__', ''))  # That of a metaclass is no string.
    return True if text.startswith('Alias for field number') else None


def setup(app: Sphinx) -> None:
    app.connect('autodoc-skip-member', skip)
    app.connect('builder-inited', write_pages)
    app.connect('source-read', read_source)
    app.connect('missing-reference', find_home)

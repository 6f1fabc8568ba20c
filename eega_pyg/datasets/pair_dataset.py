r"""What data sets of text/image pairs have in common."""
import os
import os.path as osp
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
    cast,
)

from torch_geometric.data import HeteroData, InMemoryDataset

from eega_pyg.schema import Span
from eega_pyg.tagging import TABLES
from eega_pyg.transforms import Vocabularies

from .cached import ToolNotes, cached_parser
from .graphs import Graphs
from .held_out import HeldOut, Texts
from .on_disk import OnDiskPairs
from .pairs import PairReader
from .processed import (
    build,
    further_name,
    graphs,
    processed_name,
    vocabularies_name,
    write,
)
from .record import Record
from .statistics import collated, statistics
from .storage import building, load_graphs, save_graphs
from .visual_sources import ImageParser, Source

SPLITS = ('train', 'val', 'test')


class PairDataset(InMemoryDataset):
    r"""A data set of text/image pairs, each a
    :class:`~torch_geometric.data.HeteroData` as of
    :class:`~eega_pyg.transforms.PairTransform`.

    A split is one file in ``root/processed``, whose name holds a digest of all that it
    depends on. The file holds tensors, strings and lists. A file that holds anything
    else raises a :class:`ValueError`; it is not unpickled, and only
    :obj:`force_reload` replaces it. The first split that is built builds the train
    split too, because the vocabularies are fitted there.

    Args:
        root (str): Root directory where the data set is.
        split (str): :obj:`"train"`, :obj:`"val"` or :obj:`"test"`.
        texts (Texts): Where its sentences come from.
        table (str, optional): The word-pair table, see
            :func:`~eega_pyg.tagging.encode`. (default: :obj:`"directed"`)
        encoder (str, optional): The text encoder whose word pieces are stored.
            (default: :obj:`"sentence-transformers/all-MiniLM-L6-v2"`)
        spacy_model (str, optional): The spaCy pipeline that parses text and captions.
            (default: :obj:`"en_core_web_sm"`)
        word_vectors (bool, optional): If set to :obj:`True`, the pipeline's own
            features of the words are stored, see :class:`~eega_pyg.parsing.Parser`.
            (default: :obj:`False`)
        visual (sequence, optional): Sources of what is seen, see
            :class:`~eega_pyg.datasets.VisualSources`. Paths are relative to
            ``root/raw``; ``{split}`` in one is replaced. With an empty sequence nothing
            is seen; with :obj:`None`, ``captions_{split}.jsonl`` is read where it is
            present. (default: :obj:`None`)
        image_parser (callable, optional): Reads the images of a folder among
            :obj:`visual`. By default a :class:`~eega_pyg.vision.SceneParser`.
            (default: :obj:`None`)
        feature_size (int, optional): Size of the objects' feature vectors, *e.g.*,
            :obj:`1024` of Mask R-CNN; with :obj:`0` they are left out.
            (default: :obj:`0`)
        max_words (int, optional): Longer sentences are stored as windows that overlap
            by half, see :meth:`~eega_pyg.transforms.Pair.windows`.
            (default: :obj:`70`)
        max_objects (int, optional): Objects kept of an image. (default: :obj:`10`)
        validation (float, optional): If above :obj:`0` and there is no file of the
            split ``"val"``, this share of the texts of the train file is that split,
            and no part of ``"train"``. They are chosen by the SHA-256 of their words,
            and no text is in both. (default: :obj:`0.0`)
        vocabularies (Vocabularies, optional): The vocabularies of a trained model; by
            default they are fitted on the train split. (default: :obj:`None`)
        extends (Vocabularies, optional): The vocabularies of a model that is trained
            further: they are extended on the train split, see
            :meth:`~eega_pyg.transforms.Vocabularies.extended`. (default: :obj:`None`)
        transform (callable, optional): A function that takes in a
            :class:`~torch_geometric.data.HeteroData` object and returns a transformed
            version, before every access. (default: :obj:`None`)
        pre_transform (callable, optional): The same, before being saved to disk.
            (default: :obj:`None`)
        pre_filter (callable, optional): A function that takes in a
            :class:`~torch_geometric.data.HeteroData` object and returns whether it is
            part of the data set. (default: :obj:`None`)
        on_disk (bool, optional): If set to :obj:`True`, each graph is read from the
            disk when it is asked for, see :class:`~eega_pyg.datasets.OnDiskPairs`. A
            build that was stopped goes on. (default: :obj:`False`)
        log (bool, optional): If set to :obj:`False`, shows no progress bars.
            (default: :obj:`True`)
        force_reload (bool, optional): If set to :obj:`True`, builds the data set anew.
            (default: :obj:`False`)

    Raises:
        ValueError: On an unknown split or table; on a wrong line, naming file and line;
            or on a processed file that holds no data set.
        OSError: If a raw file is missing.
    """
    def __init__(
        self,
        root: str,
        split: str,
        texts: Texts,
        table: str = 'directed',
        encoder: str = 'sentence-transformers/all-MiniLM-L6-v2',
        spacy_model: str = 'en_core_web_sm',
        word_vectors: bool = False,
        visual: Optional[Sequence[Source]] = None,
        image_parser: Optional[ImageParser] = None,
        feature_size: int = 0,
        max_words: int = 70,
        max_objects: int = 10,
        validation: float = 0.0,
        vocabularies: Optional[Vocabularies] = None,
        extends: Optional[Vocabularies] = None,
        transform: Optional[Callable] = None,
        pre_transform: Optional[Callable] = None,
        pre_filter: Optional[Callable] = None,
        on_disk: bool = False,
        log: bool = True,
        force_reload: bool = False,
    ) -> None:
        check_choice('split', split, SPLITS)
        check_choice('table', table, TABLES)
        if not 0 <= validation <= 1:
            raise ValueError(f"Expected a 'validation' in [0, 1] (got {validation})")
        for name, value, low in (('max_objects', max_objects, 1), ('feature_size',
                                                                   feature_size, 0)):
            if value < low:
                raise ValueError(f"Expected a '{name}' of at least {low} (got {value})")
        if isinstance(visual, str):
            raise ValueError(f"Expected a sequence of visual sources (got the string "
                             f"'{visual}')")
        self.split = split
        self.version = texts.version
        self.tags = texts.tags
        self.table = table
        self.encoder = encoder
        self.feature_size = feature_size
        self.max_words = max_words
        self.max_objects = max_objects
        self._given = vocabularies
        self._extends = extends
        self.on_disk = on_disk
        self.stored: Optional[OnDiskPairs] = None
        notes = ToolNotes(osp.join(str(root), 'processed', 'tools.json'))
        self._reader = PairReader(osp.join(str(root), 'raw'), notes,
                                  HeldOut(texts, validation), spacy_model, word_vectors,
                                  visual, image_parser, max_words, max_objects, log)
        super().__init__(str(root), transform, pre_transform, pre_filter, log,
                         force_reload)
        self.load(self.processed_paths[0])

    @property
    def raw_file_names(self) -> List[str]:
        r"""The file of the split, and that of train if vocabularies are fitted."""
        splits = [self.split] if self._given is not None else ['train', self.split]
        return [
            osp.basename(self._reader.texts.file(split))
            for split in dict.fromkeys(map(self._reader.texts.source, splits))
        ]

    @property
    def held_out(self) -> bool:
        r"""Whether the split is held out from the texts of the train file."""
        return self._reader.texts.source(self.split) != self.split

    def held_out_texts(self) -> Set[Tuple[str, ...]]:
        r"""The words of all texts of the train file that are held out as the split
        ``"val"``, also of those that are no part of the data set."""
        return self._reader.texts.chosen

    @property
    def processed_file_names(self) -> List[str]:
        return [processed_name(self, self.split)]

    def _process(self) -> None:
        # PyG's own method would unpickle 'pre_transform.pt'. Here the name of the
        # processed file depends on the transform.
        os.makedirs(self.processed_dir, exist_ok=True)
        built = False
        if self._given is not None:
            self.vocabularies = self._given
        else:
            path = osp.join(self.processed_dir, vocabularies_name(self))
            if self._lacks(path):
                with building(self.processed_dir):
                    built = self._lacks(path)  # Or another process has just built it.
                    if built:
                        self._fit(path)
            try:
                self.vocabularies = Vocabularies.load(*osp.split(path))
            except ValueError as e:
                raise ValueError(f'{e}. Delete it, or build the data set anew with '
                                 f'force_reload=True') from None
        if self.split == 'train' and built and not self.on_disk:
            return
        if self._lacks(self.processed_paths[0]):
            with building(self.processed_dir):
                if self._lacks(self.processed_paths[0]):
                    self.process()

    def _lacks(self, path: str) -> bool:
        return self.force_reload or not osp.isfile(path)

    def _fit(self, path: str) -> None:
        pairs = [] if self.on_disk else self._reader.pairs('train')
        train = self._reader.streamed('train') if self.on_disk else pairs
        vocabularies = (Vocabularies.fit(train)
                        if self._extends is None else self._extends.extended(train))
        vocabularies.save(*osp.split(path))
        self.vocabularies = Vocabularies.load(*osp.split(path))
        if not self.on_disk:  # Now, so that it need not be parsed again.
            build(self, 'train', pairs)

    def process(self) -> None:
        if self.on_disk:
            write(self, self.split)
        else:
            build(self, self.split, self._reader.pairs(self.split))

    def records(self) -> List[Record]:
        r"""The sentences of the split's file, before they are parsed."""
        return self._reader.texts.records(self.split)

    def tokenize(self, text: str) -> Tuple[List[str], List[Span]]:
        r"""Splits a text into words, see :meth:`Parser.tokenize
        <eega_pyg.parsing.Parser.tokenize>`."""
        return cached_parser(self._reader.spacy_model,
                             self._reader.word_vectors).tokenize(text)

    def build(self, records: Sequence[Record], what: str = 'further texts',
              keep: bool = False) -> Graphs:
        r"""Builds the graphs of further sentences with the parser, the vocabularies and
        the visual sources of the split. The functions :obj:`pre_filter`,
        :obj:`pre_transform` and :obj:`transform` are not applied.

        Args:
            records (sequence of Record): The sentences, *e.g.*, of
                :func:`~eega_pyg.datasets.join_records`.
            what (str, optional): The name of the sentences in the progress bar.
                (default: :obj:`'further texts'`)
            keep (bool, optional): If set to :obj:`True`, the graphs are written into
                ``root/processed``, and read there where they were built before.
                (default: :obj:`False`)
        """
        def built() -> Iterator[HeteroData]:
            pairs = self._reader.parsed(records, self.split, f'Building {what}',
                                        further=True)
            return graphs(self, pairs)

        if not keep or not os.access(self.processed_dir, os.W_OK):
            return Graphs(built())
        path = osp.join(self.processed_dir, further_name(self, records))
        if self._lacks(path):
            with building(self.processed_dir):
                if self._lacks(path):
                    save_graphs(list(built()), path)
        return Graphs.of(*load_graphs(path))

    @classmethod
    def save(cls, data_list: Sequence[HeteroData], path: str) -> None:
        save_graphs(data_list, path)

    def load(self, path: str, data_cls: Any = HeteroData) -> None:
        if self.on_disk:
            self.stored = OnDiskPairs(path)
        else:
            self.data, self.slices = load_graphs(path)

    def len(self) -> int:
        return super().len() if self.stored is None else self.stored.len()

    def get(self, idx: int) -> Any:
        return super().get(idx) if self.stored is None else self.stored.get(idx)

    def copy(self, idx: Any = None) -> 'PairDataset':
        r"""A copy in memory, of the graphs with the given indices if there are any."""
        out = cast(PairDataset, super().copy(idx))
        out.stored = None
        return out

    def to(self, device: Any) -> Any:
        if self.stored is not None:
            raise ValueError(f"The graphs of an on-disk data set are read one by one: "
                             f"move its batches to '{device}', or copy() it first")
        return super().to(device)

    @property
    def num_pieces(self) -> Optional[List[int]]:
        r"""The number of word pieces of each graph, if that is noted."""
        pieces = None if self.stored is None else self.stored.num_pieces
        return None if pieces is None else [pieces[i] for i in self.indices()]

    def statistics(self) -> Dict[str, Union[int, float]]:
        r"""Counts of the contents, see
        :func:`~eega_pyg.datasets.statistics.statistics`."""
        data: Any = self._data
        slices, indices = self.slices, self.indices()
        if self.stored is not None:
            data, slices, indices = collated(map(self.stored.get, indices))
        return statistics(data, slices, indices, self.tags, self.table)


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    r"""Raises a :class:`ValueError` if a value is not one of those that are known."""
    if value not in known:
        raise ValueError(f"Expected a {name} of {', '.join(known)} (got '{value}')")

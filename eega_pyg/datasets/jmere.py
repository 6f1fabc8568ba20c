r"""The JMERE data set."""
import os.path as osp
from typing import Any, List, Optional

from eega_pyg.files import remove_leftovers
from eega_pyg.schema import JMERE_TAGS, TagSet

from .download import MNRE_URL, download_mnre
from .mnre import VERSIONS, MNRETexts
from .pair_dataset import PairDataset, check_choice
from .record import Record
from .storage import building


class JMERE(PairDataset):
    r"""Joint multimodal entity-relation extraction: the data set of the `"Joint
    Multimodal Entity-Relation Extraction Based on Edge-enhanced Graph Alignment
    Network and Word-pair Relation Tagging" <https://arxiv.org/abs/2211.15028>`_ paper,
    made of the texts of MNRE and of captions of their images. Other data in the same
    format are read as well, with types and relations of their own.

    ``root/raw`` holds ``mnre_train.txt``, ``mnre_val.txt`` and ``mnre_test.txt`` (see
    :func:`~eega_pyg.datasets.read_mnre`), and for each split optionally
    ``captions_{split}.jsonl`` with ``{"img_id": ..., "caption": ...}`` a line. A
    sentence without a caption has an empty visual graph.

    Args:
        root (str): Root directory where the data set is.
        split (str, optional): :obj:`"train"`, :obj:`"val"` or :obj:`"test"`.
            (default: :obj:`"train"`)
        version (str, optional): How lines are turned into sentences, :obj:`"v1"`,
            :obj:`"merged"` or :obj:`"unrelated"`, see
            :func:`~eega_pyg.datasets.read_mnre`.
            (default: :obj:`"v1"`)
        tags (TagSet, optional): Types and relations.
            (default: :obj:`~eega_pyg.schema.JMERE_TAGS`)
        mask (bool, optional): If set to :obj:`True`, a sentence leaves open what only
            other lines name, see :func:`~eega_pyg.datasets.read_mnre`.
            (default: :obj:`False`)
        **kwargs (optional): Further arguments of
            :class:`~eega_pyg.datasets.PairDataset`.

    Raises:
        ValueError: On an unknown version, or as
            :class:`~eega_pyg.datasets.PairDataset`.
        OSError: If a raw file is missing and cannot be downloaded.

    **STATISTICS:**

    .. csv-table::
        :header: version, split, #sentences, #quintuples, #entities, #words

        v1, train, "3,618", "4,503", "7,765", "58,411"
        v1, val, 496, 624, "1,069", "8,076"
        v1, test, 475, 640, ,
        merged, train, "3,468", "4,503", "7,566", "55,647"
        merged, val, 473, 624, "1,039", "7,668"
        merged, test, 460, 640, ,
    """
    #: Where missing raw files come from, a fixed commit of MNRE.
    url = MNRE_URL

    def __init__(self, root: str, split: str = 'train', version: str = 'v1',
                 tags: TagSet = JMERE_TAGS, mask: bool = False, **kwargs: Any) -> None:
        check_choice('version', version, VERSIONS)
        self._texts = MNRETexts(osp.join(str(root), 'raw'), version, tags, mask)
        super().__init__(root, split, self._texts, **kwargs)

    def download(self) -> None:
        with building(self.processed_dir):
            remove_leftovers(self.raw_dir)
            download_mnre(self.raw_dir, self.raw_file_names, self.url)

    def records(self, version: Optional[str] = None) -> List[Record]:
        r"""The sentences of the split's file, before they are parsed.

        Args:
            version (str, optional): How lines are turned into sentences, if not as in
                the data set itself. (default: :obj:`None`)
        """
        texts = self._reader.texts
        return texts.kept(self.split,
                          self._texts.records(texts.source(self.split), version))

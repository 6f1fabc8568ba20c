from typing import Any, Dict, Optional, Union

import torch
from torch import Tensor
from torch_geometric.nn import SimpleConv

from eega_pyg.files import short_reason
from eega_pyg.nn.architecture import check_architecture
from eega_pyg.ot.ragged import Layout, single_layout
from eega_pyg.resolve import num_positions
from eega_pyg.schema import short

#: The kinds of encoders, by the ``model_type`` of their configuration. Of any other,
#: transformers would ask whether to run code that the configuration names.
ARCHITECTURES = ('albert', 'bert', 'camembert', 'deberta', 'deberta-v2', 'distilbert',
                 'electra', 'modernbert', 'mpnet', 'roberta', 'xlm-roberta')
# Fields of a configuration that say nothing of the architecture, but where a model is
# loaded from and in which precision.
_LOADING = ('_commit_hash', '_name_or_path', 'architectures', 'auto_map', 'dtype',
            'model_type', 'name_or_path', 'quantization_config', 'torch_dtype',
            'transformers_version', 'trust_remote_code')


class TextEncoder(torch.nn.Module):
    r"""Word features from a pretrained transformer (Eq. 1).

    The encoder reads word pieces; a word is the mean of its pieces, a message passing
    step over ``(piece, of, token)``. What else is known of words, see
    :class:`WordFeatures`, is added to the embeddings of their pieces, so that the
    encoder can tell what it is to its neighbours.

    Args:
        config (dict): The architecture as written in the ``config.json`` of a Hugging
            Face model of one of the :obj:`ARCHITECTURES`. The weights are random, in
            single precision, until :meth:`load_pretrained` or a state dict fills them.
        freeze_embeddings (bool, optional): If set to :obj:`True`, the table of word
            pieces is not trained. (default: :obj:`True`)
        freeze_layers (int, optional): If above :obj:`0`, only the layers above so many
            of the lowest are trained. (default: :obj:`0`)

    Raises:
        ValueError: If the encoder is of another kind or has not so many layers, if a
            field of its configuration does not fit the others, or, when called, if a
            text has more word pieces than the encoder has positions.

    Shapes:
        - **input:** word pieces :math:`(P)` and their graphs :math:`(P)`; the pieces of
          the words as ``edge_index`` from pieces to words; optionally, features of the
          words :math:`(|\mathcal{V}|, D)` of the size of the input embeddings
        - **output:** word features :math:`(|\mathcal{V}|, F)`
    """
    def __init__(self, config: Dict[str, Any], freeze_embeddings: bool = True,
                 freeze_layers: int = 0) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel
        if not isinstance(config, dict):
            raise ValueError(f"encoder: expected an architecture (got {short(config)})")
        kind = config.get('model_type')
        if kind not in ARCHITECTURES:
            raise ValueError(f"model_type: expected a text encoder of "
                             f"{', '.join(ARCHITECTURES)} (got {short(kind)})")
        fields = {k: v for k, v in config.items() if k not in _LOADING}
        check_architecture(kind, fields)
        # The pooler reads [CLS] alone and is never used.
        kwargs = {'add_pooling_layer': False} if kind == 'bert' else {}
        try:
            hf_config = AutoConfig.for_model(kind, **fields)
            check_architecture(kind,
                               hf_config.to_dict())  # With what the kind has by itself.
            self.encoder = AutoModel.from_config(hf_config, trust_remote_code=False,
                                                 **kwargs).float()
            if hasattr(self.encoder, 'pooler'):
                self.encoder.pooler = None
            self._try()
        except Exception as e:  # Each kind has its own.
            if isinstance(e, ValueError) and str(e).startswith('encoder.'):
                raise
            raise ValueError(f"encoder: {short_reason(e, 120)}") from e
        self.max_pieces = num_positions(config)
        self.freeze_embeddings = freeze_embeddings
        self.encoder.get_input_embeddings().weight.requires_grad_(not freeze_embeddings)
        if freeze_layers > 0:
            self._freeze(freeze_layers)
        self.pool = SimpleConv(aggr='mean')

    @torch.no_grad()
    def _try(self) -> None:
        r"""Reads two pieces: what does not fit together says so here and not after the
        first text."""
        weight = self.encoder.get_input_embeddings().weight
        self.encoder.eval()(inputs_embeds=weight[:1].expand(2, -1)[None])
        self.encoder.train()

    def _freeze(self, num_layers: int) -> None:
        # Models of Hugging Face hold their layers in one list of that many modules.
        total = self.encoder.config.num_hidden_layers
        layers = next((m for m in self.encoder.modules()
                       if isinstance(m, torch.nn.ModuleList) and len(m) == total), None)
        if layers is None or num_layers > total:
            raise ValueError(f"Expected 'freeze_layers' of at most the encoder's "
                             f"{total} layers (got '{num_layers}')")
        kept = {p for layer in layers[num_layers:] for p in layer.parameters()}
        for param in self.encoder.parameters():
            param.requires_grad_(param.requires_grad and param in kept)

    @property
    def out_channels(self) -> int:
        return self.encoder.config.hidden_size

    @property
    def embedding_dim(self) -> int:
        r"""Size of the input embeddings, which some encoders project."""
        return self.encoder.get_input_embeddings().embedding_dim

    def load_pretrained(self, name: str) -> None:
        r"""Fills in the public weights of the model called :obj:`name`.

        Raises:
            ValueError: If the model has another architecture.
        """
        from eega_pyg.resolve import load_encoder
        state = load_encoder(name).state_dict()
        own = self.encoder.state_dict()
        wrong = [k for k in own if k not in state or state[k].shape != own[k].shape]
        if wrong:
            raise ValueError(
                f"'{name}' has not the architecture this encoder was built "
                f"with: '{wrong[0]}' differs")
        self.encoder.load_state_dict({k: state[k] for k in own})

    def encode(self, input_ids: Tensor, batch: Union[Tensor, Layout], batch_size: int,
               features: Optional[Tensor] = None) -> Tensor:
        r"""Features of the word pieces, to whose embeddings :obj:`features` of
        shape :math:`(P, D)` are added. :math:`(P, F)`"""
        layout = single_layout(input_ids.numel(), batch, batch_size)
        ids = layout.pad(input_ids)  # [B, L]
        if self.max_pieces is not None and ids.size(1) > self.max_pieces:
            raise ValueError(f"A text of {ids.size(1)} word pieces does not fit into "
                             f"the encoder's {self.max_pieces} positions")
        x = self.embed(ids)
        if features is not None:
            x = x + layout.pad(features)
        out = self.encoder(inputs_embeds=x, attention_mask=layout.mask.long())
        return layout.unpad(out.last_hidden_state)

    def embed(self, input_ids: Tensor) -> Tensor:
        r"""The encoder's input embeddings of word pieces, out of context.
        :math:`(P, D)`"""
        return self.encoder.get_input_embeddings()(input_ids)

    def forward(self, input_ids: Tensor, batch: Union[Tensor, Layout],
                edge_index: Tensor, num_words: int, batch_size: int,
                features: Optional[Tensor] = None) -> Tensor:
        if features is not None:  # A piece is of one word at most.
            features = self.pool((features, features.new_empty(input_ids.numel(), 0)),
                                 edge_index.flip(0))
        pieces = self.encode(input_ids, batch, batch_size, features)
        return self.pool((pieces, pieces.new_empty(num_words, 0)), edge_index)

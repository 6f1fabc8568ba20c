from .attribute_transformer import AttributeTransformer
from .fusion_layer import OwnFusion, fusion_layer
from .graph_layer import OwnConv, graph_layer
from .image_to_text_attention import ImageToTextAttention
from .multi_channel import EdgeChannel, MultiChannel, NodeChannel
from .pair_tagger import PairTagger
from .text_encoder import TextEncoder
from .word_features import WordFeatures

__all__ = [
    'AttributeTransformer',
    'EdgeChannel',
    'ImageToTextAttention',
    'MultiChannel',
    'NodeChannel',
    'OwnConv',
    'OwnFusion',
    'PairTagger',
    'TextEncoder',
    'WordFeatures',
    'fusion_layer',
    'graph_layer',
]

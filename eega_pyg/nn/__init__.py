from .attribute_transformer import AttributeTransformer
from .fgw_distance import FGWDistance
from .fusion_layer import OwnFusion, fusion_layer
from .graph_layer import OwnConv, graph_layer
from .gw_distance import GWDistance
from .image_to_text_attention import ImageToTextAttention
from .multi_channel import EdgeChannel, MultiChannel, NodeChannel
from .ot_matching import OTMatching
from .pair_tagger import PairTagger
from .text_encoder import TextEncoder
from .word_features import WordFeatures

__all__ = [
    'AttributeTransformer',
    'EdgeChannel',
    'FGWDistance',
    'GWDistance',
    'ImageToTextAttention',
    'MultiChannel',
    'NodeChannel',
    'OTMatching',
    'OwnConv',
    'OwnFusion',
    'PairTagger',
    'TextEncoder',
    'WordFeatures',
    'fusion_layer',
    'graph_layer',
]

from .attribute_transformer_conv import AttributeTransformerConv
from .complete_graph import CompleteGraph
from .wgcn_conv import WGCNConv

__all__ = ['AttributeTransformerConv', 'CompleteGraph', 'WGCNConv']

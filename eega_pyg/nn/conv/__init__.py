from .attribute_transformer_conv import AttributeTransformerConv
from .complete_graph import CompleteGraph
from .typed_conv import TypedConv
from .wgcn_conv import WGCNConv

__all__ = ['AttributeTransformerConv', 'CompleteGraph', 'TypedConv', 'WGCNConv']

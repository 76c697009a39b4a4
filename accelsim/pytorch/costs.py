"""What the operators of ATen are to a trace: products, element-wise work, or bookkeeping.

Costs are lane operations per element as in the vector unit's table (softmax: scale, maximum,
subtract, exponential, sum, divide); where a function has no entry it counts one. They are
assumed: hardware differs in how it computes an exponential or a root.
"""

from __future__ import annotations

from typing import Any

import torch

# Functions that need more than one lane operation an element (assumed).
_LANE_OPERATIONS = {
    "_fused_rms_norm": 6, "_log_softmax": 6, "_safe_softmax": 6, "_softmax": 6, "cumsum": 2,
    "elu": 3, "gelu": 6, "hardsigmoid": 3, "hardswish": 4, "leaky_relu": 2, "log_sigmoid": 4,
    "logsumexp": 4, "mish": 6, "native_batch_norm": 4, "native_group_norm": 8,
    "native_layer_norm": 8, "sigmoid": 3, "silu": 4, "softplus": 4, "std": 3, "tanh": 4,
    "var": 3, "var_mean": 4, "addcdiv": 2, "addcmul": 2, "lerp": 2, "rsub": 1,
}  # fmt: skip

# Work over whole rows that is not marked as element-wise.
_ROW_WORK = frozenset(
    "_adaptive_avg_pool2d _fused_rms_norm _log_softmax _native_batch_norm_legit_no_training "
    "_safe_softmax _softmax adaptive_avg_pool1d addcdiv addcmul all amax amin any argmax argmin "
    "argsort avg_pool2d bincount cumprod cumsum histc linalg_vector_norm logcumsumexp logsumexp "
    "masked_fill max max_pool2d_with_indices mean min mse_loss native_batch_norm native_dropout "
    "native_group_norm native_layer_norm nll_loss2d_forward nll_loss_forward norm prod sort std "
    "std_mean sum topk var var_mean".split()
)

# These move, make or name data; a mapping lays tensors out as its units want them.
_LAYOUT = frozenset(
    "_local_scalar_dense _nested_tensor_from_mask _reshape_alias _to_copy _unsafe_index "
    "_unsafe_view alias arange as_strided assert_async bernoulli cat clone col2im "
    "constant_pad_nd contiguous copy detach diag_embed diagonal_scatter empty empty_like "
    "empty_strided equal expand_copy eye fill flip full full_like im2col is_nonzero "
    "is_same_size lift_fresh lift_fresh_copy linspace new_empty new_empty_strided new_full "
    "new_ones new_zeros nonzero one_hot ones ones_like permute_copy pixel_shuffle rand rand_like "
    "randint randn randn_like randperm repeat repeat_interleave reshape resize roll scalar_tensor "
    "select_scatter set_ slice_scatter split_with_sizes stack t_copy tril triu unfold_copy "
    "unique_consecutive unsafe_split upsample_nearest2d view_copy zero zeros zeros_like "
    "_assert_async _assert_tensor_metadata _efficientzerotensor normal uniform _pin_memory "
    "is_pinned resolve_conj sym_size _has_compatible_shallow_copy_type".split()
)

# Rows or elements taken or put by index: recorded as gather or scatter-add on request.
_BY_INDEX = frozenset(
    "_embedding_bag _index_put_impl_ embedding embedding_bag gather index index_add index_copy "
    "index_fill index_put index_reduce index_select masked_scatter masked_select put "
    "scatter scatter_add scatter_reduce take take_along_dim _unsafe_index_put".split()
)


def name_of(func: Any) -> str:
    """Name of an ATen overload without namespace and the in-place underscore: "add"."""
    name = func._schema.name.rpartition("::")[2]
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def kind_of(func: Any, name: str) -> str:
    """What an overload is: "vector", "layout", "index" or "unknown"."""
    if func.is_view or torch.Tag.inplace_view in func.tags or name in _LAYOUT:
        return "layout"
    if name in _BY_INDEX:
        return "index"
    pointwise = torch.Tag.pointwise in func.tags or torch.Tag.reduction in func.tags
    if pointwise or name in _ROW_WORK:
        return "vector"
    # an in-place variant carries no tags of its own
    if func._schema.is_mutable:
        functional = getattr(torch.ops.aten, name, None)
        overloads = [getattr(functional, o) for o in functional.overloads()] if functional else []
        if any(torch.Tag.pointwise in overload.tags for overload in overloads):
            return "vector"
    return "unknown"


def lane_operations(name: str) -> int:
    """Lane operations an element (assumed, see above)."""
    return _LANE_OPERATIONS.get(name, 1)

"""Small random-init models of many architectures, as (model, inputs) of a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

LENGTH = 96
VOCABULARY = 64
SIZES = {"vocab_size": VOCABULARY, "hidden_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "max_position_embeddings": 1024}  # fmt: skip
GQA = {**SIZES, "num_key_value_heads": 2, "intermediate_size": 96}
MLA = {
    **SIZES, "num_key_value_heads": 4, "intermediate_size": 96, "moe_intermediate_size": 32,
    "n_routed_experts": 8, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1,
    "n_shared_experts": 1, "first_k_dense_replace": 1, "q_lora_rank": 32, "kv_lora_rank": 24,
    "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 20,
}  # fmt: skip


def ids(batch: int = 2, length: int = LENGTH) -> torch.Tensor:
    return torch.randint(3, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(1))


def causal(config: str, model: str, **sizes: Any) -> Callable[[], tuple[nn.Module, dict]]:
    def build() -> tuple[nn.Module, dict]:
        import transformers

        if not hasattr(transformers, config):
            pytest.skip(f"transformers {transformers.__version__} has no {config}")
        torch.manual_seed(0)
        settings = getattr(transformers, config)(**sizes)
        return getattr(transformers, model)(settings).eval(), {"input_ids": ids()}

    return build


def switch() -> tuple[nn.Module, dict]:
    import transformers

    torch.manual_seed(0)
    config = transformers.SwitchTransformersConfig(
        vocab_size=VOCABULARY, d_model=64, d_kv=16, d_ff=96, num_layers=2, num_decoder_layers=2,
        num_heads=4, num_experts=4, expert_capacity=20, num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1, decoder_start_token_id=0,
    )  # fmt: skip
    model = transformers.SwitchTransformersForConditionalGeneration(config).eval()
    return model, {"input_ids": ids(), "decoder_input_ids": ids(2, 24)}


def t5() -> tuple[nn.Module, dict]:
    import transformers

    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=VOCABULARY, d_model=64, d_kv=16, d_ff=96, num_layers=2, num_heads=4,
        decoder_start_token_id=0,
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config).eval()
    return model, {"input_ids": ids(), "decoder_input_ids": ids(2, 24)}


def longformer() -> tuple[nn.Module, dict]:
    import transformers

    torch.manual_seed(0)
    config = transformers.LongformerConfig(
        **{**SIZES, "intermediate_size": 96, "attention_window": [32, 16]}
    )
    model = transformers.LongformerModel(config).eval()
    everywhere = torch.zeros(2, LENGTH, dtype=torch.long)
    everywhere[:, 0] = 1
    return model, {"input_ids": ids(), "global_attention_mask": everywhere}


def big_bird() -> tuple[nn.Module, dict]:
    import transformers

    torch.manual_seed(0)
    config = transformers.BigBirdConfig(
        **{**SIZES, "intermediate_size": 96, "block_size": 16, "num_random_blocks": 2}
    )
    return transformers.BigBirdModel(config).eval(), {"input_ids": ids(2, 256)}


def multihead() -> tuple[nn.Module, dict]:
    torch.manual_seed(0)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(64, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x)[0] + x

    return Block().eval(), {"x": torch.randn(2, LENGTH, 64)}


def encoder() -> tuple[nn.Module, dict]:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(64, 4, 96, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
    return model, {"src": torch.randn(2, LENGTH, 64), "mask": mask, "is_causal": True}


MODELS: dict[str, Callable[[], tuple[nn.Module, dict]]] = {
    "mixtral": causal("MixtralConfig", "MixtralForCausalLM", **GQA, num_local_experts=8,
                      num_experts_per_tok=2),
    "qwen3_moe": causal("Qwen3MoeConfig", "Qwen3MoeForCausalLM", **GQA, num_experts=8,
                        num_experts_per_tok=2, moe_intermediate_size=32, head_dim=16),
    "deepseek_v3": causal("DeepseekV3Config", "DeepseekV3ForCausalLM", **MLA),
    "deepseek_v32": causal("DeepseekV32Config", "DeepseekV32ForCausalLM", **MLA, index_topk=16,
                           index_n_heads=4, index_head_dim=16),
    "gpt_oss": causal("GptOssConfig", "GptOssForCausalLM", **GQA, num_local_experts=8,
                      num_experts_per_tok=2, sliding_window=32, head_dim=16),
    "switch": switch,
    "longformer": longformer,
    "big_bird": big_bird,
    "opt": causal("OPTConfig", "OPTForCausalLM", **SIZES, ffn_dim=96, word_embed_proj_dim=64),
    "llama": causal("LlamaConfig", "LlamaForCausalLM", **GQA),
    "bert": causal("BertConfig", "BertModel", **SIZES, intermediate_size=96),
    "t5": t5,
    "multihead": multihead,
    "encoder": encoder,
}  # fmt: skip

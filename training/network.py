"""The network: one BERT-like encoder, its mean over the first segment, a linear head per task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel

from processors.models.base import ALL_HEADS
from processors.models.encoding import Encoded


class Network(nn.Module):
    """Three integer tensors (batch × tokens) in; the logits of all heads side by side out."""

    def __init__(self, base: Path, dropout: float = 0.1, frozen_layers: int = 0) -> None:
        super().__init__()
        # Plain attention: on processors the fused kind takes half as long again, and ONNX needs
        # the plain one anyhow.
        self.encoder = AutoModel.from_pretrained(
            base, attn_implementation="eager", add_pooling_layer=False
        )
        # MPNet has no embedding of the segments: only the mean tells text from context.
        self.segments = "type_vocab_size" in self.encoder.config.to_dict()
        if frozen_layers:
            self.encoder.embeddings.requires_grad_(False)
            self.encoder.encoder.layer[:frozen_layers].requires_grad_(False)
        width = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(width, sum(map(len, ALL_HEADS.values())))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        mean = self.mean(input_ids, attention_mask, token_type_ids)
        return self.heads(self.dropout(mean))

    def mean(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """The mean of the encoder's vectors over what is judged."""
        segments = {"token_type_ids": token_type_ids} if self.segments else {}
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, **segments
        ).last_hidden_state
        judged = (attention_mask * (1 - token_type_ids)).unsqueeze(-1).to(hidden.dtype)
        return (hidden * judged).sum(1) / judged.sum(1)


def padded(batch: Sequence[Encoded]) -> dict[str, Tensor]:
    """The network's inputs for a batch, padded to its longest."""
    longest = max(len(encoded.ids) for encoded in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    segments = torch.zeros_like(ids)
    for row, encoded in enumerate(batch):
        length = len(encoded.ids)
        ids[row, :length] = torch.tensor(encoded.ids)
        mask[row, :length] = 1
        segments[row, :length] = torch.tensor(encoded.segments)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


def split_heads(logits: Tensor) -> dict[str, Tensor]:
    """The logits of each head, cut from what the network gives."""
    parts = logits.split([len(labels) for labels in ALL_HEADS.values()], dim=-1)
    return dict(zip(ALL_HEADS, parts, strict=True))

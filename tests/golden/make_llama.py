#!/usr/bin/env python3
"""Writes llama/: two tiny LLaMAs as Hugging Face `transformers` saves them, and what they compute.

`plain` has as many key/value heads as heads and one file; `grouped` shares key/value heads, is cut
into shards, and has another theta and epsilon. Beside each folder, NAME.safetensors holds in
double: the ids of two sequences, their logits, the course's loss (cross-entropy of the next token,
the mean over all positions but each sequence's last) and the gradient of every parameter.

transformers computes norms and rotary angles in float whatever the model's type, so both are
replaced by their formulas in double here; the original float model must agree with the result.

Made with transformers 5.23.0 and torch 2.13.0.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

MODELS = {
    "plain": dict(num_key_value_heads=4, rope_theta=10000.0, rms_norm_eps=1e-6),
    "grouped": dict(num_key_value_heads=2, rope_theta=500.0, rms_norm_eps=1e-5),
}
SHARD_SIZE = {"plain": "1GB", "grouped": "12KB"}


def double_norm(self, x):
    return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.variance_epsilon)


def double_rotary(self, x, position_ids):
    size = self.config.hidden_size // self.config.num_attention_heads
    exponents = -torch.arange(0, size, 2, dtype=torch.float64) / size
    frequencies = self.config.rope_parameters["rope_theta"] ** exponents
    angles = (position_ids[..., None].double() * frequencies).repeat(1, 1, 2)
    return angles.cos(), angles.sin()


def course_loss(logits, ids):
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def write(folder, name):
    config = LlamaConfig(vocab_size=53, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
                         num_attention_heads=4, max_position_embeddings=12,
                         tie_word_embeddings=False, **MODELS[name])
    model = LlamaForCausalLM(config)
    for key, weights in model.named_parameters():  # large values, far from linear behaviour
        torch.nn.init.normal_(weights, 1.0 if "norm" in key else 0.0, 0.3)
    model.save_pretrained(folder / name, max_shard_size=SHARD_SIZE[name])
    (folder / name / "generation_config.json").unlink()
    ids = torch.randint(0, 53, (2, 12))
    float_logits = model(input_ids=ids).logits
    assert torch.allclose(model(input_ids=ids, labels=ids).loss, course_loss(float_logits, ids))

    norm, rotary = modeling_llama.LlamaRMSNorm, modeling_llama.LlamaRotaryEmbedding
    float_forwards = norm.forward, rotary.forward
    norm.forward, rotary.forward = double_norm, double_rotary
    model.double()
    logits = model(input_ids=ids).logits
    norm.forward, rotary.forward = float_forwards
    assert (logits - float_logits).abs().max() < 2e-5
    loss = course_loss(logits, ids)
    loss.backward()
    reference = {f"gradient.{key}": weights.grad for key, weights in model.named_parameters()}
    save_file(reference | {"ids": ids.double(), "logits": logits.detach(), "loss": loss.detach()},
              folder / f"{name}.safetensors")
    print(name, json.dumps({"loss": loss.item(), "logits up to": logits.abs().max().item(),
                            "float differs by": (logits - float_logits).abs().max().item()}))


def main():
    folder = pathlib.Path(__file__).with_name("llama")
    torch.manual_seed(0)
    for name in MODELS:
        write(folder, name)


main()

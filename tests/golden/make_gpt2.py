#!/usr/bin/env python3
"""Writes gpt2/: a tiny GPT-2 as Hugging Face `transformers` saves it, and what it computes.

Beside the folder `tiny`, tiny.safetensors holds in double: the ids of two sequences, their logits,
the loss (cross-entropy of the next token, the mean over all positions but each sequence's last)
and the gradient of every parameter; that of wte.weight is of both its uses.

Made with transformers 5.24.0 and torch 2.13.0.
"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel


def main():
    folder = pathlib.Path(__file__).with_name("gpt2")
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=53, n_embd=24, n_layer=2, n_head=4, n_positions=12, n_inner=40,
                        embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0, bos_token_id=1,
                        eos_token_id=2, attn_implementation="eager")
    model = GPT2LMHeadModel(config)
    for key, weights in model.named_parameters():  # far from where training begins
        torch.nn.init.normal_(weights, 1.0 if "ln_" in key and "weight" in key else 0.0, 0.3)
    model.save_pretrained(folder / "tiny")
    (folder / "tiny" / "generation_config.json").unlink()
    model.double()
    ids = torch.randint(0, 53, (2, 12))
    logits = model(input_ids=ids).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    reference = {f"gradient.{key}": weights.grad for key, weights in model.named_parameters()}
    save_file(reference | {"ids": ids.double(), "logits": logits.detach(), "loss": loss.detach()},
              folder / "tiny.safetensors")
    print(loss.item(), logits.abs().max().item(), sorted(reference)[:3])


main()

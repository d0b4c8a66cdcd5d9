#!/usr/bin/env python3
"""Writes models.json: what PyTorch computes for each model of images in our table but the course's.

Weights and images are drawn after manual_seed(10), as our generator does. Each weight tensor's
gradient is given by its norm and its product with cos(0), cos(1), ..., to keep the file small.
"""
import json
import pathlib

import torch
from torch import nn
from torch.nn import functional


def lenet(channels, first, second, padding, area, hidden):
    layers = [nn.Conv2d(channels, first, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2),
              nn.Conv2d(first, second, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2),
              nn.Flatten()]
    width = second * area
    for out in hidden:
        layers += [nn.Linear(width, out), nn.ReLU()]
        width = out
    return nn.Sequential(*layers, nn.Linear(width, 10))


def cifar_cnn(norm):
    layers, width = [], 3
    for out in (32, 64, 128):
        layers += [nn.Conv2d(width, out, 3, padding=1), norm(out), nn.ReLU(), nn.MaxPool2d(2)]
        width = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * width, 10))


class Block(nn.Module):
    def __init__(self, size, out, stride):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(size, out, 3, stride, 1), nn.GroupNorm(8, out), nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1), nn.GroupNorm(8, out))
        self.shortcut = nn.Sequential() if stride == 1 else nn.Sequential(
            nn.Conv2d(size, out, 1, stride), nn.GroupNorm(8, out))

    def forward(self, x):
        return functional.relu(self.layers(x) + self.shortcut(x))


def resnet8():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(8, 16), nn.ReLU(),
                         Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mlp(*widths):
    layers = [nn.Flatten()]
    for width, out in zip(widths, widths[1:]):
        layers += [nn.Linear(width, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


MODELS = {
    "mlp": ([1, 28, 28], lambda: mlp(784, 200, 200, 10)),
    "logistic": ([1, 28, 28], lambda: mlp(784, 10)),
    "mcmahan_cnn": ([1, 28, 28], lambda: lenet(1, 32, 64, 2, 49, [512])),
    "niid_cnn": ([3, 32, 32], lambda: lenet(3, 6, 16, 0, 25, [120, 84])),
    "cifar_cnn": ([3, 32, 32], lambda: cifar_cnn(lambda channels: nn.GroupNorm(8, channels))),
    "cifar_cnn_bn": ([3, 32, 32], lambda: cifar_cnn(nn.BatchNorm2d)),
    "resnet8": ([3, 32, 32], resnet8),
}


def describe(shape, make):
    torch.manual_seed(10)
    net = make().train()
    images = torch.empty(4, *shape).uniform_(-1, 1)
    net, images = net.double(), images.double()
    output = functional.log_softmax(net(images), 1)
    functional.nll_loss(output, torch.tensor([3, 0, 7, 9])).backward()
    gradients = [parameter.grad.flatten() for parameter in net.parameters()]
    waves = [torch.cos(torch.arange(len(gradient), dtype=torch.double)) for gradient in gradients]
    return {"shape": shape, "parameters": sum(map(len, gradients)),
            "output": output.flatten().tolist(),
            "norms": [gradient.norm().item() for gradient in gradients],
            "products": [(gradient @ wave).item() for gradient, wave in zip(gradients, waves)],
            "buffers": [buffer.sum().item() for buffer in net.buffers()]}


models = {name: describe(*model) for name, model in MODELS.items()}
text = json.dumps(models, indent=None).replace('}, "', '},\n"')
pathlib.Path(__file__).with_name("models.json").write_text(text + "\n")

"""The course's tutorial_1a.hfl_complete on this engine:

    from tributary.hfl import *

Servers and clients have its names, arguments and results. Weights are NumPy arrays; what needs
PyTorch says so.
"""
from .clients import (Client, GradientClient, MnistCnn, Subset, WeightClient, device, split,
                      test_loader, train_dataset, train_epoch)
from .servers import (CentralizedServer, DecentralizedServer, FedAvgServer, FedSgdGradientServer,
                      RunResult, Server)

__all__ = ["CentralizedServer", "Client", "DecentralizedServer", "FedAvgServer",
           "FedSgdGradientServer", "GradientClient", "MnistCnn", "RunResult", "Server", "Subset",
           "WeightClient", "device", "split", "test_loader", "train_dataset", "train_epoch"]

"""The course's clients, and the images that they train on."""
from abc import ABC, abstractmethod

import numpy as np

from .. import engine
from ..data import open_data
from ..torch_names import NeedsTorch, TorchObject
from .trainer import Training, trainer


class TrainDataset(TorchObject):
    """MNIST's training images and labels, as arrays."""

    def __len__(self):
        return open_data().facts().size

    def __getitem__(self, index):
        images, labels = open_data().train
        return images[index], labels[index]


MnistCnn, device, test_loader, train_epoch = map(
    TorchObject, ("MnistCnn", "device", "test_loader", "train_epoch"))
train_dataset = TrainDataset("train_dataset")


class Subset:
    """Some of the training images, by their numbers."""

    def __init__(self, dataset, indices):
        self.dataset, self.indices = dataset, indices

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[index]]


def split(nr_clients: int, iid: bool, seed: int) -> list[Subset]:
    """The clients' training images: random ones, or two shards each of all sorted by label."""
    data = open_data()
    samples, sizes = np.empty(data.facts().size, np.int32), np.empty(max(1, nr_clients), np.int32)
    engine.call("split", data.handle, nr_clients, iid, seed, samples.ctypes.data, sizes.ctypes.data)
    return [Subset(train_dataset, part) for part in np.split(samples, np.cumsum(sizes)[:-1])]


class Client(ABC):
    """A client's images, and what it makes of the server's weights."""

    def __init__(self, client_data: Subset, batch_size: int):
        self.client_data, self.batch_size = client_data, batch_size

    def __getattr__(self, name):
        if name in ("model", "generator", "loader_train", "optimizer"):
            raise NeedsTorch(f"a client's {name}")
        raise AttributeError(f"a client has no attribute {name}")

    @abstractmethod
    def update(self, weights: list[np.ndarray], seed: int) -> list[np.ndarray]:
        """What it sends: an array for each of the server's."""


class GradientClient(Client):
    """Sends the gradient over all its images."""

    def __init__(self, client_data: Subset):
        super().__init__(client_data, len(client_data))

    def training(self):
        return Training(b"fedsgd")

    def update(self, weights, seed):
        return trainer().update(self, self.training(), weights, seed)


class WeightClient(Client):
    """Sends its weights after some epochs. A batch size of -1 is all its images."""
    is_shuffled = False

    def __init__(self, client_data: Subset, lr: float, batch_size: int, nr_epochs: int):
        super().__init__(client_data, batch_size)
        self.lr, self.nr_epochs = lr, nr_epochs

    def training(self):
        batch = 0 if self.batch_size == -1 else self.batch_size
        if batch < 0 or self.nr_epochs < 1:
            raise engine.InputError(f"a client with B = {batch} and E = {self.nr_epochs} trains "
                                    "nothing", "choose a batch size of 1 or more, or -1 for all "
                                    "images, and 1 epoch or more")
        return Training(b"fedavg", self.lr, batch, self.nr_epochs, self.is_shuffled)

    def update(self, weights, seed):
        return trainer().update(self, self.training(), weights, seed)


def engine_training(client):
    """What the engine does for the client in its update(); None if that is the user's own."""
    function = getattr(client.update, "__func__", None)
    is_the_engines = function in (GradientClient.update, WeightClient.update)
    return client.training() if is_the_engines else None

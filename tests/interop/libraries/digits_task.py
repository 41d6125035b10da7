"""What both trained networks share: the images, the loop, and what is kept.

Runs in the environment of the other library: PyTorch, safetensors and scikit-learn.
"""

import numpy as np
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def images():
    """Grey levels of 0 to 1 and labels: to train, to test."""
    digits = load_digits()
    x = (digits.images / 16.0).astype(np.float32)
    return train_test_split(
        x, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )


def train(net, forward, *, epochs, lr, seed):
    """Trains on the number of output spikes; prints the share right on test images."""
    torch.manual_seed(seed)
    x, x_test, y, y_test = map(torch.from_numpy, images())
    optimizer = torch.optim.Adam(net.parameters(), lr)
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(len(x))
        for rows in order.split(64):
            out = forward(net, x[rows])[-1]
            loss = torch.nn.functional.cross_entropy(out.sum(0) / 4, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 9 or epoch == epochs - 1:
            net.eval()
            with torch.no_grad():
                counts = forward(net, x_test)[-1].sum(0)
            right = (counts.argmax(1) == y_test).float().mean()
            print(f"epoch {epoch + 1}: loss {loss:.3f}, test {right:.4f}", flush=True)


def keep(name, net, forward, versions):
    """Writes weights, and what the network does with every test image.

    ``counts_0`` … are spikes of each layer over time, ``counts32_0`` … the same in
    single precision, where sums of another order may round to another spike.
    """
    weights = {k: v.detach().contiguous() for k, v in net.state_dict().items()}
    save_file(weights, f"{name}.safetensors")
    _, x, _, y = images()
    kept = {"images": np.round(16 * x).astype(np.uint8), "labels": y.astype(np.uint8)}
    net.eval()
    for ending, dtype in (("32", torch.float32), ("", torch.float64)):
        with torch.no_grad():
            layers = forward(net.to(dtype), torch.from_numpy(x).to(dtype))
        for k, spikes in enumerate(layers):
            counts = spikes.sum(0).flatten(1).round().to(torch.uint8)
            kept[f"counts{ending}_{k}"] = counts.numpy()
        kept[f"steps{ending}"] = np.array(len(spikes))
        kept[f"predictions{ending}"] = spikes.sum(0).argmax(1).numpy().astype(np.uint8)
    np.savez_compressed(f"{name}.npz", versions=np.array(versions), **kept)
    right = (kept["predictions"] == y).mean()
    print(f"{name}: {right:.4f} of {len(y)} test images; {versions}")
    for k in range(len(layers)):
        odd = (kept[f"counts_{k}"] != kept[f"counts32_{k}"]).any(1).sum()
        rate = kept[f"counts_{k}"].mean() / int(kept["steps"])
        print(f"layer {k}: {rate:.3f} spikes a step, {odd} images differ in float32")

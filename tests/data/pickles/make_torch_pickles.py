"""Write the torch_*.pkl of this folder: tensors of every kind that is read, in each form in which they are found. Run with torch 2.13."""

import pickle

import numpy as np
import torch

values = {
    "whole": torch.arange(6.0).reshape(2, 3),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "part": torch.arange(10.0, dtype=torch.float64)[3:8:2],
    "repeated": torch.ones(1).expand(3),
    "flags": torch.tensor([True, False]),
    "half": torch.tensor([1.0, -2.5], dtype=torch.float16),
    "bfloat16": torch.tensor([1.0, -2.5], dtype=torch.bfloat16),
    "learned": torch.nn.Parameter(torch.ones(1)),
    "number": torch.tensor(3),
    "empty": torch.zeros(0, 3),
    "int32": torch.tensor([-1], dtype=torch.int32),
}
torch.save(values, "torch_zip.pkl")
torch.save(values, "torch_old.pkl", _use_new_zipfile_serialization=False)
with open("torch_inside.pkl", "wb") as file:
    pickle.dump(values, file, protocol=2)
np.savez("torch.npz", **{name: value.detach().float().numpy() for name, value in values.items()})

"""Tensors of torch that are made of several, of none, or of types that have no counterpart."""
import sys
import types
import warnings

import numpy
import torch
from torch.testing._internal.two_tensor import TwoTensor

from common import EXPECTED, VALID, expect

warnings.simplefilter("ignore")


class Calls:
    """An object that a pickle rebuilds by a function of torch's with these arguments."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def make():
    def save(name, value, tensors, *rest):
        torch.save(value, VALID / name)
        expect(VALID / name, tensors, *rest)

    torch.manual_seed(5)
    coo = torch.sparse_coo_tensor([[0, 2], [1, 0]], [1.5, -2.0], (3, 2)).coalesce()
    eye = torch.eye(3)
    csr, csc, bsr = eye.to_sparse_csr(), eye.to_sparse_csc(), torch.eye(4).to_sparse_bsr((2, 2))
    save("sparse.pt", {"coo": coo, "csr": csr, "csc": csc, "bsr": bsr}, {
        "coo.indices": coo.indices(), "coo.values": coo.values(),
        "csr.crow_indices": csr.crow_indices(), "csr.col_indices": csr.col_indices(),
        "csr.values": csr.values(),
        "csc.ccol_indices": csc.ccol_indices(), "csc.row_indices": csc.row_indices(),
        "csc.values": csc.values(),
        "bsr.crow_indices": bsr.crow_indices(), "bsr.col_indices": bsr.col_indices(),
        "bsr.values": bsr.values()}, {
        "coo": {"layout": "torch.sparse_coo", "size": [3, 2], "is_coalesced": True},
        "csr": {"layout": "torch.sparse_csr", "size": [3, 3]},
        "csc": {"layout": "torch.sparse_csc", "size": [3, 3]},
        "bsr": {"layout": "torch.sparse_bsr", "size": [4, 4]}})

    one = torch.quantize_per_tensor(torch.randn(3), 0.25, 3, torch.quint8)
    wide = torch.quantize_per_tensor(torch.randn(2), 0.5, 0, torch.qint32)
    rows = torch.quantize_per_channel(
        torch.randn(3, 2), torch.tensor([0.5, 0.25, 1], dtype=torch.float64),
        torch.tensor([0, 1, 2]), 0, torch.qint8)
    save("quantised.pt", {"one": one, "wide": wide, "rows": rows}, {
        "one.int_repr": one.int_repr(), "wide.int_repr": wide.int_repr(),
        "rows.int_repr": rows.int_repr(), "rows.scales": rows.q_per_channel_scales(),
        "rows.zero_points": rows.q_per_channel_zero_points()}, {
        "one": {"qscheme": "torch.per_tensor_affine", "scale": 0.25, "zero_point": 3},
        "wide": {"qscheme": "torch.per_tensor_affine", "scale": 0.5, "zero_point": 0},
        "rows": {"qscheme": "torch.per_channel_affine", "axis": 0}})

    nested = torch.nested.nested_tensor([torch.randn(2), torch.randn(3)])
    save("nested.pt", {"n": nested}, {
        "n.values": nested.values(), "n.nested_sizes": nested._nested_tensor_size(),
        "n.nested_strides": nested._nested_tensor_strides(),
        "n.offsets": nested._nested_tensor_storage_offsets()})

    z = torch.tensor([[1 + 2j, 3 - 4j], [0.5j, -1 + 0j]], dtype=torch.complex64)
    y = z.clone()
    save("lazy-signs.pt", {"conjugate": z.conj(), "turned": z.t().conj(), "row": z.conj()[1]},
         {"conjugate": z.conj().resolve_conj(), "turned": z.t().conj().resolve_conj(),
          "row": z.conj()[1].resolve_conj()})
    save("negative-view.pt", {"imaginary": y.conj().imag},
         {"imaginary": y.conj().imag.resolve_neg()})

    # Two numbers a byte, the low half first: safetensors says F4 and counts numbers.
    packed = torch.arange(8, dtype=torch.uint8).reshape(2, 4).view(torch.float4_e2m1fn_x2)
    torch.save({"w": packed}, VALID / "packed.pt")
    EXPECTED["valid/packed.pt"] = {"values": {}, "opaque": [], "tensors": [
        {"name": "w", "type": "f4_e2m1", "shape": [2, 8], "bytes": bytes(range(8)).hex()}]}

    w = torch.tensor([7.0])
    reason = "the element type torch.{} has no counterpart"
    save("foreign.pt", {
        "w": w, "c32": torch.zeros(2, dtype=torch.complex32),
        "bits8": torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
        "bits16": torch.zeros(2, dtype=torch.uint8).view(torch.bits16),
        "meta": torch.empty(3, device="meta")}, {"w": w}, {}, (), {
        "c32": reason.format("complex32"), "bits8": reason.format("bits8"),
        "bits16": reason.format("bits16"), "meta": "it is a meta tensor, which has no bytes"})

    fake = types.ModuleType("library_like.tensors")
    sys.modules["library_like"] = types.ModuleType("library_like")
    sys.modules[fake.__name__] = fake
    Marked = type("Marked", (torch.Tensor,), {"__module__": fake.__name__})
    fake.Marked = Marked
    marked = torch.tensor([1.0, 2.0]).as_subclass(Marked)
    marked.note = "kept"
    two = TwoTensor(torch.tensor([3.0]), torch.tensor([4.0]))
    save("subclasses.pt", {"marked": marked, "two": two},
         {"marked": torch.tensor([1.0, 2.0]), "two.a": torch.tensor([3.0]),
          "two.b": torch.tensor([4.0])}, {"marked": {"note": "kept"}},
         ["library_like.tensors.Marked", "torch.testing._internal.two_tensor.TwoTensor"])

    u = torch._utils
    array = numpy.arange(3, dtype="f4")
    save("devices.pt", {
        "numpy": Calls(u._rebuild_device_tensor_from_numpy, array, torch.float32, "cpu", False),
        "cpu": Calls(u._rebuild_device_tensor_from_cpu_tensor, w, torch.float32, "cpu", False),
        "cast": Calls(u._rebuild_device_tensor_from_numpy, array + 1, torch.float16, "cpu", False),
        "old": Calls(u._rebuild_tensor, torch.storage.TypedStorage(
            wrap_storage=torch.tensor([1, 2, 3]).untyped_storage(), dtype=torch.int64,
            _internal=True), 1, (2,), (1,))},
        {"numpy": torch.from_numpy(array), "cpu": w, "old": torch.tensor([2, 3])}, {}, (),
        {"cast": "it is saved as f32 and cast to torch.float16"})

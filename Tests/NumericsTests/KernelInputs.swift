import Numerics
import TensorCore

/// Numbers that look like activations or filters, the same on every run.
func noise(_ shape: [Int], seed: UInt64, scale: Float = 1) -> Tensor {
  var random = TorchRandom(seed: seed)
  return Tensor(shape: shape, values: random.normal(shape.reduce(1, *)).map { $0 * scale })
}

func weight(_ tensor: Tensor) throws -> Weight {
  try tensor.floats.withUnsafeBytes { bytes in
    try Weight(
      TensorView(
        description: TensorDescription(
          name: "weight", elementType: .float32, shape: TensorShape(tensor.shape)),
        storage: ByteStorage(copying: bytes.bytes), byteRange: 0..<bytes.count))
  }
}

/// The instruction sets that this processor can run.
let sets = Processor.InstructionSet.allCases.filter { $0 <= Processor.supported }

internal import ArgumentParser
internal import TensorCore

/// A type of plain floating-point numbers, where quantised blocks and one-byte floats have no place.
enum FloatTypeArgument: String, CaseIterable, ExpressibleByArgument {
  case f16
  case bf16
  case f32
  case f64

  /// The same for the library.
  var elementType: ElementType {
    switch self {
    case .f16: .float16
    case .bf16: .bfloat16
    case .f32: .float32
    case .f64: .float64
    }
  }
}

internal import Numerics

/// `torch.nn.Linear`: `[..., inputs]` to `[..., outputs]`.
struct Linear: Sendable {
  private let weight: Weight
  private let bias: Weight?

  init(_ weights: WeightLoader, inputs: Int, outputs: Int, hasBias: Bool = true) throws {
    weight = try weights.weight("weight", [outputs, inputs])
    bias = hasBias ? try weights.weight("bias", [outputs]) : nil
  }

  func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight: weight, bias: bias) }
}

/// diffusers' `GEGLU`: a linear layer whose second half of outputs, through GELU, gates the first.
struct GatedLinear: Sendable {
  private let weight: Weight
  private let bias: Weight

  init(_ weights: WeightLoader, inputs: Int, outputs: Int) throws {
    weight = try weights.weight("weight", [2 * outputs, inputs])
    bias = try weights.weight("bias", [2 * outputs])
  }

  func callAsFunction(_ x: Tensor) -> Tensor { linearGEGLU(x, weight: weight, bias: bias) }
}

/// `torch.nn.Conv2d` of a square kernel.
struct Convolution: Sendable {
  private let weight: Weight
  private let bias: Weight
  private let stride: Int
  private let padding: Padding

  init(
    _ weights: WeightLoader, inputs: Int, outputs: Int, kernel: Int = 3, stride: Int = 1,
    padding: Padding? = nil
  ) throws {
    weight = try weights.weight("weight", [outputs, inputs, kernel, kernel])
    bias = try weights.weight("bias", [outputs])
    self.stride = stride
    self.padding = padding ?? Padding(kernel / 2)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    convolution2D(x, weight: weight, bias: bias, stride: stride, padding: padding)
  }
}

/// `torch.nn.GroupNorm`, with SiLU behind it where asked for.
struct GroupNorm: Sendable {
  private let weight: Weight
  private let bias: Weight
  private let groups: Int
  private let epsilon: Float

  init(_ weights: WeightLoader, channels: Int, groups: Int, epsilon: Float) throws {
    weight = try weights.weight("weight", [channels])
    bias = try weights.weight("bias", [channels])
    self.groups = groups
    self.epsilon = epsilon
  }

  func callAsFunction(_ x: Tensor, thenSiLU: Bool = false) -> Tensor {
    groupNorm(
      x, groups: groups, weight: weight, bias: bias, epsilon: epsilon, fusedSiLU: thenSiLU)
  }

  func apply(to x: inout Tensor, thenSiLU: Bool = false) {
    groupNorm(
      inPlace: &x, groups: groups, weight: weight, bias: bias, epsilon: epsilon,
      fusedSiLU: thenSiLU)
  }
}

/// `torch.nn.LayerNorm` over the last dimension.
struct LayerNorm: Sendable {
  private let weight: Weight
  private let bias: Weight
  private let epsilon: Float

  init(_ weights: WeightLoader, width: Int, epsilon: Float = 1e-5) throws {
    weight = try weights.weight("weight", [width])
    bias = try weights.weight("bias", [width])
    self.epsilon = epsilon
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    layerNorm(x, weight: weight, bias: bias, epsilon: epsilon)
  }
}

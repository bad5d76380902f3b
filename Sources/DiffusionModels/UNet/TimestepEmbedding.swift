internal import Foundation
internal import KeyLayouts
internal import Numerics

/// The sinusoidal embedding of a timestep (Vaswani et al., 2017; Ho et al., 2020) and the two
/// linear layers behind it.
struct TimestepEmbedding: Sendable {
  private let first, second: Linear
  private let width: Int
  private let flipsSineToCosine: Bool
  private let frequencyShift: Float

  init(_ weights: WeightLoader, _ configuration: UNetConfiguration) throws {
    width = configuration.blockChannels[0]
    first = try Linear(weights["linear_1"], inputs: width, outputs: configuration.timeWidth)
    second = try Linear(
      weights["linear_2"], inputs: configuration.timeWidth, outputs: configuration.timeWidth)
    flipsSineToCosine = configuration.flipsSineToCosine
    frequencyShift = configuration.frequencyShift
  }

  /// - Returns: `[batch, timeWidth]`.
  func callAsFunction(_ timestep: Float, batch: Int) -> Tensor {
    let half = width / 2
    // In single precision and in diffusers' order: the angles reach 1000 radians, where a unit in
    // the last place of the frequency shows.
    let angles = (0..<half).map { index in
      timestep * expf(-logf(10000) * Float(index) / (Float(half) - frequencyShift))
    }
    let sines = angles.map { sinf($0) }
    let cosines = angles.map { cosf($0) }
    let row = flipsSineToCosine ? cosines + sines : sines + cosines
    let rows = [[Float]](repeating: row, count: batch)
    return second(silu(first(Tensor(shape: [batch, width], values: rows.flatMap { $0 }))))
  }
}

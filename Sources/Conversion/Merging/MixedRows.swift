internal import Foundation
internal import Numerics
internal import TensorCore

/// A tensor made of the same tensor of several models: `a·A + b·B (+ c·C)`.
struct MixedRows: RowComputation {
  /// A model's tensor.
  struct Part: Sendable {
    let view: TensorView
    /// The elements of a row.
    let columns: Int
  }

  /// What is done with the values.
  enum Formula: Sendable {
    /// `left · A + right · B`.
    case sum(left: Float, right: Float)
    /// `A + ratio · (B − C)`.
    case difference(ratio: Float)
  }

  let rows: Int
  let columns: Int
  private let parts: [Part]
  private let formula: Formula

  /// Elements that are worked on at a time, so that all models' fit a core's cache.
  private static let strip = 1 << 14

  /// - Parameter views: the tensor of each model: the first tells the shape; in the others, rows may
  ///   be shorter, and what lies behind their ends stays as in the first.
  init(_ views: [TensorView], _ formula: Formula) {
    // Of one shape, elements need no rows: one behind the other, they are cut where it suits.
    let isEven = views.allSatisfy { $0.shape == views[0].shape }
    let rows = isEven ? views[0].shape.elementCount : views[0].shape[0]
    self.rows = rows
    parts = views.map { view in
      Part(view: view, columns: rows == 0 ? 0 : view.shape.elementCount / rows)
    }
    columns = parts[0].columns
    self.formula = formula
  }

  /// So that all models' values of a piece fit a core's cache.
  var pieceRows: Int { max(1, Self.strip / max(columns, 1)) }

  func compute(_ range: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
    guard let start = target.baseAddress else { return }
    guard parts.allSatisfy({ $0.columns == columns }) else {
      return computeWithin(range, into: start)
    }
    let elements = range.lowerBound * columns..<range.upperBound * columns
    Scratch.withFloats(Self.strip * (parts.count - 1)) { scratch in
      for first in stride(from: elements.lowerBound, to: elements.upperBound, by: Self.strip) {
        let part = first..<min(first + Self.strip, elements.upperBound)
        let place = start + first - elements.lowerBound
        parts[0].view.load(part, into: place)
        for (index, other) in parts.dropFirst().enumerated() {
          other.view.load(part, into: scratch + index * Self.strip)
        }
        mix(place, scratch, scratch + (parts.count - 2) * Self.strip, count: part.count)
      }
    }
  }

  /// Rows of which the other models have only the first elements: an inpainting U-Net's first
  /// convolution has more inputs than others'.
  private func computeWithin(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    parts[0].view.load(
      range.lowerBound * columns..<range.upperBound * columns, into: target)
    let shorter = parts.dropFirst().map(\.columns).min() ?? 0
    Scratch.withFloats(columns * (parts.count - 1)) { scratch in
      for row in range {
        for (index, other) in parts.dropFirst().enumerated() {
          other.view.load(
            row * other.columns..<row * other.columns + shorter,
            into: scratch + index * columns)
        }
        mix(
          target + (row - range.lowerBound) * columns, scratch,
          scratch + (parts.count - 2) * columns, count: shorter)
      }
    }
  }

  private func mix(
    _ target: UnsafeMutablePointer<Float>, _ second: UnsafePointer<Float>,
    _ third: UnsafePointer<Float>, count: Int
  ) {
    switch formula {
    case .sum(let left, let right):
      for index in 0..<count { target[index] = left * target[index] + right * second[index] }
    case .difference(let ratio):
      for index in 0..<count {
        target[index] += ratio * (second[index] - third[index])
      }
    }
  }

  func release(_ range: Range<Int>) {
    for part in parts {
      part.view.storage.advise(
        .dontNeed,
        range: part.view.bytes(
          of: range.lowerBound * part.columns..<range.upperBound * part.columns))
    }
  }

  /// The factors of a spherical interpolation between two tensors of one shape.
  static func slerp(_ a: TensorView, _ b: TensorView, ratio: Double) -> Formula {
    let plain = Formula.sum(left: Float(1 - ratio), right: Float(ratio))
    let products = InnerProducts(a, b)
    guard products.aa > 0, products.bb > 0 else { return plain }
    let cosine = products.ab / (products.aa.squareRoot() * products.bb.squareRoot())
    guard cosine.magnitude <= 0.9995 else { return plain }
    let angle = acos(cosine)
    let sine = sin(angle)
    return .sum(
      left: Float(sin((1 - ratio) * angle) / sine),
      right: Float(sin(ratio * angle) / sine))
  }
}

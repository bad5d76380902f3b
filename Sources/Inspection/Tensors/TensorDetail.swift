internal import Checkpoints
public import Conversion
internal import KeyLayouts
public import TensorCore

/// One tensor looked at closely.
public struct TensorDetail: Sendable, Hashable {
  /// Its canonical name, or its own, with type and shape.
  public let description: TensorDescription
  /// What it is called in the checkpoint, where it is one tensor there.
  public let sourceName: String?
  /// The XXH3-128 of its bytes.
  public let digest: Digest128
  /// What its values are like; `nil` for packed types.
  public let statistics: TensorStatistics?
  /// How its finite values are distributed; `nil` where there are none.
  public let histogram: Histogram?
  /// The first values.
  public let firstValues: [Double]

  /// Looks at a tensor by its canonical name or the one that the checkpoint gives it.
  ///
  /// - Parameter bins: the number of steps of the histogram.
  /// - Throws: `InspectionError` when there is none of that name; the container's error when its
  ///   bytes cannot be produced.
  public init(named name: String, in model: ReadModel, bins: Int = 20, values: Int = 16) throws {
    let view: TensorView
    (view, sourceName) = try Self.view(named: name, in: model)
    description = view.description
    var summary = TensorSummary.Accumulator(type: view.elementType)
    view.forEachChunk { summary.update($0) }
    let result = summary.finish()
    digest = result.digest
    statistics = result.statistics
    histogram = result.statistics.flatMap { Histogram(of: view, $0, bins: bins) }
    let unit = view.elementType.blockElements
    let count = min((values + unit - 1) / unit * unit, view.shape.elementCount)
    let end = view.byteRange.lowerBound + view.elementType.byteCount(of: count)
    firstValues = view.storage.withBytes(in: view.byteRange.lowerBound..<end) {
      Array(NumberList($0, view.elementType).values.prefix(values))
    }
    try MappingGuard.check()
  }

  /// A tensor by its canonical name or its own, and the latter.
  static func view(
    named name: String, in model: ReadModel
  ) throws -> (view: TensorView, sourceName: String?) {
    let source = model.canonicalTensors
    let own = model.checkpoint.source.tensors
    let index = source.tensors.indices.first { index in
      source.tensors[index].name == name || source.places[index].map { own[$0].name } == name
    }
    // One that goes into several has no canonical name of its own.
    if index == nil, let place = own.firstIndex(where: { $0.name == name }) {
      return (try model.checkpoint.checkedSource.tensor(at: place), nil)
    }
    guard let index else {
      throw InspectionError(
        path: model.checkpoint.path, problem: absent(name, among: source.tensors.map(\.name)))
    }
    return (try source.tensor(at: index), source.places[index].map { own[$0].name })
  }

  /// Says what was not found, and what may have been meant.
  private static func absent(_ name: String, among names: [String]) -> String {
    let similar = names.filter { $0.contains(name) || name.contains($0) }.prefix(3)
    let hint = similar.map { "'\($0)'" }.joined(separator: ", ")
    return "has no tensor '\(name)'" + (hint.isEmpty ? "" : ", perhaps \(hint)")
  }
}

/// How values are distributed: steps of equal width between the least and the greatest.
public struct Histogram: Sendable, Hashable {
  /// Where the first step begins.
  public let minimum: Double
  /// Where the last step ends; the greatest value counts to it.
  public let maximum: Double
  /// The number of finite values in each step.
  public let counts: [Int]

  /// Reads a tensor a chunk at a time; `nil` without finite values.
  init?(of view: TensorView, _ statistics: TensorStatistics, bins: Int) {
    guard statistics.minimum.isFinite, bins > 0 else { return nil }
    var counts = [Int](repeating: 0, count: bins)
    let (low, high) = (statistics.minimum, statistics.maximum)
    // Halved, so that the width of the range does not overflow.
    let width = high / 2 - low / 2
    view.forEachChunk(of: 1 << 16) { bytes in
      for value in NumberList(bytes, view.elementType).values where value.isFinite {
        let place = width > 0 ? (value / 2 - low / 2) / width * Double(bins) : 0
        counts[min(max(Int(place), 0), bins - 1)] += 1
      }
    }
    (minimum, maximum) = (low, high)
    self.counts = counts
  }
}

/// Something asked for that a model does not have.
public struct InspectionError: DescribedError, Hashable {
  /// The model.
  public let path: String
  /// What is wrong.
  public let problem: String

  /// Describes a problem.
  public init(path: String, problem: String) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String { "\(path): \(problem)" }
}

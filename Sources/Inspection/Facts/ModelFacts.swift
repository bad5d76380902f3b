internal import Checkpoints
public import Conversion
internal import Synchronization
public import TensorCore

/// What one pass over a model's tensors tells: digests and statistics, by canonical names as far as
/// there are any.
public struct ModelFacts: Sendable {
  /// What is known about one tensor.
  public struct Tensor: Sendable, Hashable {
    /// Its name, element type and shape.
    public let description: TensorDescription
    /// Its name in the checkpoint, where it is one tensor there.
    public let sourceName: String?
    /// Whether it is a part of the model, and not left behind or unexplained.
    public let isCanonical: Bool
    /// The XXH3-128 of its bytes.
    public let digest: Digest128
    /// What its values are like; `nil` for packed types.
    public let statistics: TensorStatistics?
    /// Of f32, whether f16 holds every value exactly; `nil` where nobody looked.
    public let fitsHalf: Bool?
  }

  /// How much is to be known.
  public enum Depth: Sendable, Hashable {
    /// What an ingot's index knows without any reading.
    case summaries
    /// Also whether f16 would do for f32.
    case precision
  }

  /// The tensors that were asked for.
  public let tensors: [Tensor]
  /// The bytes that were read for it.
  public let touchedBytes: Int

  /// Reads tensors on all cores, a chunk at a time; those of an ingot not at all where its index
  /// knows enough.
  ///
  /// - Parameters:
  ///   - isWanted: whether to look at a tensor.
  ///   - progress: called with the bytes read so far and in all.
  /// - Throws: the container's error when a tensor cannot be produced.
  public init(
    of model: ReadModel, _ depth: Depth = .summaries,
    where isWanted: (TensorDescription) -> Bool = { _ in true },
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws {
    let source = model.canonicalTensors
    let ingot = model.checkpoint.source as? IngotReader
    let chosen = source.tensors.indices.filter { isWanted(source.tensors[$0]) }
    let sizes = source.tensors.map { $0.elementType.byteCount(for: $0.shape) ?? 0 }
    // The largest first, so that all threads end at about the same time.
    let order = chosen.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    let total = chosen.reduce(0) { $0 + sizes[$1] }
    let state = Mutex(State())
    try Workers.forEach(
      order.count,
      progress: { try progress(state.withLock { $0.done }, total) },
      { number in
        let index = order[number]
        let fact: Tensor
        var read = 0
        let isCanonical = source.origins[index] == .canonical
        let sourceName = source.places[index].map { model.checkpoint.source.tensors[$0].name }
        let wantsHalf = depth == .precision && source.tensors[index].elementType == .float32
        if let ingot, let place = source.places[index], !wantsHalf,
          case let record = ingot.record(at: place),
          // Indices of older versions say nothing of quantised tensors.
          record.statistics != nil || !record.description.elementType.isGGMLBlock
        {
          fact = Tensor(
            description: source.tensors[index], sourceName: sourceName, isCanonical: isCanonical,
            digest: record.digest, statistics: record.statistics, fitsHalf: nil)
        } else {
          let view = try source.tensor(at: index)
          read = view.byteRange.count
          fact = Self.read(view, sourceName, isCanonical: isCanonical, wantsHalf: wantsHalf)
        }
        state.withLock { [read] state in
          state.found[index] = fact
          state.done += sizes[index]
          state.touched += read
        }
      })
    try MappingGuard.check()
    let result = state.withLock { $0 }
    tensors = chosen.compactMap { result.found[$0] }
    touchedBytes = result.touched
  }

  private struct State {
    var found: [Int: Tensor] = [:]
    var done = 0
    var touched = 0
  }

  private static func read(
    _ view: TensorView, _ sourceName: String?, isCanonical: Bool, wantsHalf: Bool
  ) -> Tensor {
    var summary = TensorSummary.Accumulator(type: view.elementType)
    var fitsHalf = true
    view.forEachChunk { bytes in
      summary.update(bytes)
      guard wantsHalf, fitsHalf else { return }
      fitsHalf = HalfPrecision.holds(bytes)
    }
    let result = summary.finish()
    return Tensor(
      description: view.description, sourceName: sourceName, isCanonical: isCanonical,
      digest: result.digest,
      statistics: result.statistics, fitsHalf: wantsHalf ? fitsHalf : nil)
  }
}

/// Whether numbers lose anything in half precision.
enum HalfPrecision {
  /// Whether each float of a run is the same after a way through f16.
  static func holds(_ floats: RawSpan) -> Bool {
    var accumulator = DifferenceAccumulator(.float32, .float32)
    let half = ElementConversion.convert(floats, from: .float32, to: .float16)
    let back = half.withUnsafeBytes {
      ElementConversion.convert($0.bytes, from: .float16, to: .float32)
    }
    back.withUnsafeBytes { accumulator?.update(floats, $0.bytes) }
    return accumulator?.difference.changedCount == 0
  }
}

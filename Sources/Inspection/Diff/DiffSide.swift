internal import Checkpoints
public import Conversion
internal import KeyLayouts
internal import TensorCore

/// One of two models that are compared.
public struct DiffSide: Sendable {
  /// The path that the user gave.
  public let path: String
  /// The container.
  public let format: String
  /// The family and the layout in words, or that they are unknown.
  public let family: String
  /// The number of tensors, as the container has them.
  public let tensorCount: Int
  /// The bytes of all tensors.
  public let byteCount: Int

  let tensors: CanonicalTensors
  /// The tensors of which nothing but bytes can be compared, by index.
  let packedForms: [Int: StoredForm]
  private let ingot: IngotReader?

  /// Takes a model that was opened. Of weights with scales beside them, the products are compared.
  ///
  /// - Throws: `LayoutError` when a scale does not fit its weight.
  public init(_ model: ReadModel) throws {
    let checkpoint = model.checkpoint
    path = checkpoint.path
    format = checkpoint.format.rawValue
    family =
      switch model.reading {
      case .success(let reading):
        "\(reading.detection.family.title) in \(reading.detection.layout.rawValue) names"
      case .failure: "unknown family, compared by its own names"
      }
    tensorCount = checkpoint.source.tensors.count
    byteCount = checkpoint.source.byteCount
    let plain = try model.multiplyingScales()
    tensors = plain.canonicalTensors
    packedForms = tensors.packedForms
    ingot = plain.checkpoint.source as? IngotReader
  }

  /// What an ingot's index says about a tensor whose bytes are as they stand there.
  func record(at index: Int) -> IngotDigest? {
    guard let ingot, let place = tensors.places[index] else { return nil }
    let record = ingot.record(at: place)
    return IngotDigest(digest: record.digest, statistics: record.statistics)
  }

  /// Tells the system, of an ingot, that only some of its tensors will be read.
  func readsScattered() { ingot?.readsScattered() }

  /// The tensors by name. Of two with one name the first: the canonical one.
  var places: [ExactName: Int] {
    Dictionary(
      tensors.tensors.enumerated().map { (ExactName($1.name), $0) },
      uniquingKeysWith: { first, _ in first })
  }
}

/// What an ingot's index says about a tensor's bytes.
struct IngotDigest: Sendable {
  let digest: Digest128
  let statistics: TensorStatistics?
}

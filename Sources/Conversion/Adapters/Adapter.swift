public import Checkpoints
internal import Foundation
public import KeyLayouts
internal import TensorCore

/// An adapter's file opened: its modules, and the scale of each.
public struct Adapter: Sendable {
  /// The file as it is.
  public let checkpoint: Checkpoint
  /// Its modules.
  public let file: AdapterFile
  /// What PEFT's configuration says, in the file or beside it.
  public let metadata: AdapterMetadata

  /// Opens a LoRA in any container: a file, or a folder that PEFT wrote.
  ///
  /// - Throws: the errors of `Checkpoint.open`; `AdapterError` when the file holds no adapter or
  ///   one that contradicts itself.
  public static func open(
    path: String, options: ReadingOptions = ReadingOptions()
  ) throws -> Adapter {
    try Adapter(try Checkpoint.open(path: path, options: options))
  }

  /// Takes an opened file for an adapter.
  ///
  /// - Throws: `AdapterError` when it holds none, or one that contradicts itself.
  public init(_ checkpoint: Checkpoint) throws(AdapterError) {
    self.checkpoint = checkpoint
    do throws(AdapterError) {
      file = try AdapterFile(of: checkpoint.source.tensors)
      guard !file.modules.isEmpty else {
        throw AdapterError(.noAdapter(hint: file.emptyHint))
      }
    } catch {
      throw AdapterError(error.problem, origin: checkpoint.path)
    }
    let own = AdapterMetadata(inFile: checkpoint.portableMetadata)
    metadata = own.isEmpty ? Self.configuration(beside: checkpoint.path) : own
  }

  /// What `adapter_config.json` says, which PEFT puts into the same folder.
  private static func configuration(beside path: String) -> AdapterMetadata {
    let url = URL(filePath: path)
    let isFolder = (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) ?? false
    let file = (isFolder ? url : url.deletingLastPathComponent())
      .appending(path: "adapter_config.json")
    let isPEFT = isFolder || url.lastPathComponent.hasPrefix("adapter_model.")
    guard isPEFT, let data = try? Data(contentsOf: file),
      let fields = try? JSON(parsing: Array(data)).objectValue
    else { return AdapterMetadata() }
    return AdapterMetadata(fields)
  }

  /// What the metadata say the adapter was trained for, if that is another family than a model's;
  /// shapes that fit tell nothing then.
  func origin(otherThan family: Family) -> AdapterOrigin? {
    AdapterOrigin(stated: checkpoint.portableMetadata).flatMap {
      $0.title == family.title ? nil : $0
    }
  }

  /// The scale's numerator: the module's own, or the configuration's; `nil` where neither says.
  ///
  /// - Throws: `AdapterError` when it is no number.
  public func alpha(of module: AdapterModule) throws -> Double? {
    guard let place = module.alpha else { return metadata.alpha(of: module.name) }
    return try AdapterValues(checkpoint).number(at: place)
  }

  /// What a module's change is multiplied by before the user's strength: `alpha / rank`, and with
  /// rsLoRA `alpha / √rank`. A missing alpha is the rank.
  ///
  /// - Throws: `AdapterError` when alpha is no number.
  public func scale(of module: AdapterModule) throws -> Double {
    guard let rank = module.rank.map(Double.init) ?? metadata.rank(of: module.name) else {
      return 1
    }
    if module.change == nil, !module.isBiasScaled { return 1 }
    guard let alpha = try alpha(of: module) else { return 1 }
    let isStabilised = module.alpha == nil && metadata.isRankStabilised(module.name)
    return isStabilised ? alpha / rank.squareRoot() : alpha / rank
  }
}

/// The numbers of an adapter's tensors.
struct AdapterValues {
  private let checkpoint: Checkpoint

  init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  /// The values of a tensor as floats.
  ///
  /// - Throws: `AdapterError` when its type has none, or one is NaN or infinite; the container's
  ///   error when it cannot be read.
  func floats(at index: Int) throws -> [Float] {
    let view = try checkpoint.source.tensor(at: index)
    guard view.elementType.isDecodable else {
      throw AdapterError(.elementType(view.name, view.elementType), origin: checkpoint.path)
    }
    let values = view.withBytes { ElementConversion.floats($0, type: view.elementType) }
    let nonFinite = ElementType.float32.nonFiniteCount(in: values.span.bytes)
    guard nonFinite == 0 else {
      throw AdapterError(.notFinite(view.name, count: nonFinite), origin: checkpoint.path)
    }
    return values
  }

  /// The one number that a tensor is, of any float or whole type.
  ///
  /// - Throws: `AdapterError` when it is no single number.
  func number(at index: Int) throws -> Double {
    let view = try checkpoint.source.tensor(at: index)
    let type = view.elementType
    guard view.shape.elementCount == 1, type.isDecodable || Self.wholeTypes.contains(type),
      let value = view.withBytes({ NumberList($0, type).values.first })
    else {
      throw AdapterError(
        .notNumber(view.name, found: view.description), origin: checkpoint.path)
    }
    guard value.isFinite else {
      throw AdapterError(.notFinite(view.name, count: 1), origin: checkpoint.path)
    }
    return value
  }

  private static let wholeTypes: Set<ElementType> = [.int8, .uint8, .int16, .int32, .int64]
}

public import TensorCore

/// A streaming writer of a container: the tensors are announced, then written in that order.
///
/// The file appears under its path at `finish()`, whole or not at all. A writer that is dropped
/// before leaves nothing behind.
public protocol CheckpointWriter: ~Copyable, SendableMetatype {
  /// Starts a file or folder that will stand at the destination's path.
  ///
  /// - Throws: `FileError` when it cannot be created.
  init(to destination: Destination) throws

  /// Announces every tensor and writes what precedes their bytes. Called once, first.
  ///
  /// - Parameters:
  ///   - tensors: the tensors in the order in which `append` will bring them.
  ///   - metadata: strings, and for a pickle the values under `values`.
  /// - Throws: `CheckpointError` when the container cannot hold one of them, `FileError` when the
  ///   disk fails.
  mutating func begin(tensors: [TensorDescription], metadata: JSONObject) throws

  /// Writes the bytes of the next announced tensor.
  ///
  /// - Throws: `CheckpointError` when it is not the one announced, `FileError` when the disk fails.
  mutating func append(_ tensor: TensorView) throws

  /// Completes the file and moves it into place.
  ///
  /// - Throws: `CheckpointError` when announced tensors are missing, `FileError` when the disk
  ///   fails.
  consuming func finish() throws

  /// Whether `Destination.shardBytes` divides the tensors among several files.
  static var writesShards: Bool { get }

  /// Whether the container has a place for metadata.
  static var keepsMetadata: Bool { get }
}

extension CheckpointWriter where Self: ~Copyable {
  /// By default all tensors are in one file.
  public static var writesShards: Bool { false }

  /// By default metadata are kept.
  public static var keepsMetadata: Bool { true }

  /// Writes a whole source, tensor by tensor.
  static func write(
    _ source: any TensorSource, metadata: JSONObject, to destination: Destination,
    progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws {
    var writer = try Self(to: destination)
    try writer.begin(tensors: source.tensors, metadata: metadata)
    let total = source.byteCount
    var done = 0
    var ahead = ReadAhead(source)
    for index in source.tensors.indices {
      let view = try ahead.tensor(at: index)
      try writer.append(view)
      // Copied: the mapping need not stay in memory.
      view.storage.advise(.dontNeed, range: view.byteRange)
      done += view.byteRange.count
      try progress(done, total)
    }
    try writer.finish()
  }
}

/// The announced tensors of a writer and how many of them have been written.
package struct Announcement: Sendable {
  /// The tensors, in the order of writing.
  package let tensors: [TensorDescription]
  private let path: String
  private var next = 0

  /// Checks that names differ.
  package init(
    _ tensors: [TensorDescription], path: String
  ) throws(CheckpointError) {
    var names: Set<ExactName> = []
    names.reserveCapacity(tensors.count)
    for tensor in tensors where !names.insert(ExactName(tensor.name)).inserted {
      throw CheckpointError(path: path, problem: .duplicateName(tensor.name))
    }
    self.tensors = tensors
    self.path = path
  }

  /// Takes note of a written tensor and returns its index.
  package mutating func advance(_ found: TensorDescription) throws(CheckpointError) -> Int {
    let expected = next < tensors.count ? tensors[next] : nil
    guard found == expected else {
      throw CheckpointError(
        path: path, problem: .unexpectedTensor(expected: expected, found: found))
    }
    next += 1
    return next - 1
  }

  /// Throws unless every announced tensor was written.
  package func checkComplete() throws(CheckpointError) {
    guard next < tensors.count else { return }
    throw CheckpointError(
      path: path,
      problem: .missingTensors(first: tensors[next].name, count: tensors.count - next))
  }
}

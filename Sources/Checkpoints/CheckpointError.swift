public import TensorCore

/// A file that is not a checkpoint, or a set of tensors that a container cannot hold.
public struct CheckpointError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// No reader knows the content; `start` says what it starts with.
    case unknownFormat(start: String)
    /// The container has no code for the tensor's element type.
    case elementType(tensor: String, type: ElementType, format: ContainerFormat)
    /// The container cannot hold the tensor for another reason: its name, its rank.
    case unfit(tensor: String, format: ContainerFormat, reason: String)
    /// A variant of the weights was asked for, but one file has none.
    case noVariants(String)
    /// Two tensors have one name.
    case duplicateName(String)
    /// The tensor has a name that the container keeps for itself.
    case reservedName(String, format: ContainerFormat)
    /// `append` was given another tensor than the next one announced.
    case unexpectedTensor(expected: TensorDescription?, found: TensorDescription)
    /// `finish` was called with announced tensors missing.
    case missingTensors(first: String, count: Int)
    /// The container can only be read.
    case notWritable(ContainerFormat)
    /// The header would exceed the format's limit.
    case headerTooLarge(bytes: Int, limit: Int)
    /// A root was chosen in a container that has none to choose from.
    case noRoots(root: String, format: ContainerFormat)
  }

  /// The file's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// Describes a problem of the file at `path`.
  public init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// The line shown to people.
  public var description: String {
    switch problem {
    case .unknownFormat(let start):
      "\(path): not a checkpoint of a known format: \(start)"
    case .elementType(let tensor, let type, let format):
      "\(path): tensor '\(tensor)' is \(type), for which \(format.rawValue) has no code"
        + Self.hint(type)
    case .unfit(let tensor, let format, let reason):
      "\(path): tensor '\(tensor)' does not fit into \(format.rawValue): \(reason)"
    case .noVariants(let variant):
      "\(path): is one file, so --variant \(variant) has nothing to choose from"
    case .duplicateName(let name): "\(path): two tensors are named '\(name)'"
    case .reservedName(let name, let format):
      "\(path): a tensor is named '\(name)', which \(format.rawValue) keeps for itself"
    case .unexpectedTensor(let expected?, let found):
      "\(path): expected tensor \(Self.text(expected)) next, found \(Self.text(found))"
    case .unexpectedTensor(nil, let found):
      "\(path): expected no further tensor, found \(Self.text(found))"
    case .missingTensors(let first, let count):
      "\(path): \(count) announced tensor\(count == 1 ? " was" : "s were") never written, first "
        + "'\(first)'"
    case .noRoots(let root, let format):
      "\(path): a root ('\(root)') is chosen in pickles only, this is \(format.rawValue)"
    case .notWritable(let format): "\(path): \(format.rawValue) can be read, not written"
    case .headerTooLarge(let bytes, let limit):
      "\(path): the header would take \(bytes) bytes, the format allows \(limit)"
    }
  }

  /// Throws when a root was chosen in a container without dictionaries in dictionaries.
  static func checkRoot(
    _ root: String?, of format: ContainerFormat, path: String
  ) throws(CheckpointError) {
    guard let root else { return }
    throw CheckpointError(path: path, problem: .noRoots(root: root, format: format))
  }

  /// What would make a tensor fit, where something does.
  private static func hint(_ type: ElementType) -> String {
    if type.isPlainFloat { return "; --dtype f32 would cast it" }
    return type.isDecodable ? "; --dtype f16 would decode it" : ""
  }

  private static func text(_ tensor: TensorDescription) -> String {
    "'\(tensor.name)' (\(tensor.elementType) \(tensor.shape))"
  }

  /// What a file starts with, as people can read it: text in quotes, anything else in hex.
  static func start(of storage: ByteStorage) -> String {
    let bytes = storage.array(in: 0..<min(storage.count, 16))
    let isText = bytes.allSatisfy { (0x20..<0x7F).contains($0) || [9, 10, 13].contains($0) }
    if isText {
      if String(decoding: bytes, as: UTF8.self) == "version https://" {
        return "a Git LFS pointer: fetch the file that it stands for"
      }
      return "starts with " + JSON.string(String(decoding: bytes, as: UTF8.self)).text()
    }
    let digits = bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return "starts with bytes " + digits.joined(separator: " ")
  }
}

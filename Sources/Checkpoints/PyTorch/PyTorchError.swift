public import TensorCore

/// A PyTorch file that cannot be read.
public struct PyTorchError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Error, Sendable, Hashable {
    /// The zip archive is at fault.
    case zip(ZipProblem)
    /// A pickle is at fault, at a byte of it.
    case pickle(PickleProblem, member: String?, offset: Int)
    /// A zip archive without a `data.pkl`.
    case notPyTorch(firstMember: String?)
    /// More than one folder with a `data.pkl`.
    case ambiguous(first: String, second: String)
    /// The `byteorder` member holds neither `little` nor `big`.
    case byteOrder(String)
    /// The pickle is larger than this reader takes.
    case pickleTooLarge(bytes: Int, limit: Int)
    /// The values are nested too deep.
    case depth(limit: Int)
    /// The chosen root is not there; what could be chosen.
    case root(String, available: [String])
    /// A small pickle that stands for more values than this reader takes.
    case expansion(limit: Int)
    /// The oldest form's tar archive is at fault, at a byte of it.
    case tar(String, offset: Int)
    /// The older form states a protocol that does not exist.
    case torchProtocol(Int?, expected: Int)
    /// The older form's run of storages is cut short or contradicts itself.
    case storages(String, offset: Int)
    /// Two tensors would have one name.
    case duplicateName(String)
    /// The file has no bytes for a tensor's storage.
    case missingStorage(tensor: String, key: String)
    /// A storage has other bytes than the pickle says.
    case storageLength(tensor: String, key: String, expected: Int, found: Int)
    /// Sizes, strides and offset that are no tensor.
    case shape(tensor: String, sizes: [Int], strides: [Int], offset: Int)
    /// The tensor's elements reach out of its storage.
    case outsideStorage(tensor: String, element: Int, count: Int)
    /// A tensor that repeats its storage's elements and would need too much memory.
    case repetition(tensor: String, bytes: Int, limit: Int)
  }

  /// The file's path, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// The line shown to people.
  public var description: String { "\(path): \(text)" }

  private var text: String {
    switch problem {
    case .zip(let problem): problem.text
    case .pickle(let problem, let member, let offset):
      "\(member ?? "pickle") at byte \(offset): \(problem.text)"
    case .notPyTorch(let member):
      "a zip archive without a data.pkl, so not a PyTorch checkpoint; "
        + (member.map { "its first member is '\($0)'" } ?? "it is empty")
    case .ambiguous(let first, let second): "two pickles: '\(first)' and '\(second)'"
    case .byteOrder(let text): "the byteorder is \(text), expected \"little\" or \"big\""
    case .pickleTooLarge(let bytes, let limit):
      "the pickle has \(bytes) bytes, expected at most \(limit)"
    case .depth(let limit): "the pickle nests values more than \(limit) levels deep"
    case .root(let root, let available):
      "the pickle has nothing at the root '\(root)', "
        + (available.isEmpty
          ? "and no dictionary of tensors below its top"
          : "expected one of " + available.map { "'\($0)'" }.joined(separator: ", "))
    case .expansion(let limit): "the pickle stands for more than \(limit) values"
    case .tar(let problem, let offset): "at byte \(offset): \(problem)"
    case .torchProtocol(let found, let expected):
      "torch's protocol is \(found.map { "\($0)" } ?? "no number"), expected \(expected)"
    case .storages(let problem, let offset): "storages at byte \(offset): \(problem)"
    case .duplicateName(let name): "two tensors are named '\(name)'"
    case .missingStorage(let tensor, let key):
      "tensor '\(tensor)' lies in storage '\(key)', which the file does not have"
    case .storageLength(let tensor, let key, let expected, let found):
      "tensor '\(tensor)' lies in storage '\(key)' of \(expected) bytes, found \(found)"
    case .shape(let tensor, let sizes, let strides, let offset):
      "tensor '\(tensor)' has impossible sizes \(sizes), strides \(strides) or offset \(offset)"
    case .outsideStorage(let tensor, let element, let count):
      "tensor '\(tensor)' reaches element \(element) of a storage of \(count)"
    case .repetition(let tensor, let bytes, let limit):
      "tensor '\(tensor)' repeats a smaller storage up to \(bytes) bytes, "
        + "expected at most \(limit)"
    }
  }
}

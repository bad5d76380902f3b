public import TensorCore

/// A model in several files that do not fit together, or a folder whose weights cannot be told.
public struct ShardError: DescribedError, Hashable {
  /// What is wrong.
  public enum Problem: Sendable, Hashable {
    /// The index is not the JSON it should be.
    case json(JSONError)
    /// JSON, but no index of shards.
    case notIndex
    /// The index names no tensor and so no file.
    case empty
    /// The index names something other than a plain file name.
    case fileName(tensor: String, found: String)
    /// A file that the index names is not there.
    case missingShard(file: String, tensor: String)
    /// A file is a link to somewhere outside the folder.
    case outside(file: String, target: String)
    /// The index promises a tensor that the file does not hold.
    case missingTensor(String, file: String)
    /// A file holds a tensor that the index does not name.
    case unnamedTensor(String, file: String)
    /// Two files hold a tensor.
    case twice(tensor: String, first: String, second: String)
    /// The tensors have another number of bytes than the index says.
    case totalSize(expected: Int, found: Int)
    /// The index's `total_size` is no whole number.
    case notSize(String)
    /// A folder with several files of weights that are not shards of one model.
    case ambiguous(files: [String])
    /// A folder without weights of the variant wanted.
    case noVariant(String, found: [String])
  }

  /// The index or the folder, as the user gave it.
  public let path: String
  /// What is wrong.
  public let problem: Problem

  /// The line shown to people.
  public var description: String { "\(path): \(text)" }

  private var text: String {
    switch problem {
    case .json(let error): "\(error)"
    case .notIndex: "is JSON without a 'weight_map' of tensors and files, so no index of shards"
    case .empty: "the index names no shard"
    case .fileName(let tensor, let found):
      "tensor '\(tensor)' is in \(found), expected the name of a file beside the index"
    case .missingShard(let file, let tensor):
      "the shard '\(file)' with tensor '\(tensor)' is not there"
    case .outside(let file, let target):
      "the shard '\(file)' is a link to '\(target)', outside the folder"
    case .missingTensor(let tensor, let file):
      "the index promises tensor '\(tensor)' in '\(file)', which does not hold it"
    case .unnamedTensor(let tensor, let file):
      "'\(file)' holds tensor '\(tensor)', which the index does not name there"
    case .twice(let tensor, let first, let second):
      "tensor '\(tensor)' stands in '\(first)' and in '\(second)'"
    case .totalSize(let expected, let found):
      "the tensors have \(found) bytes, 'total_size' says \(expected)"
    case .notSize(let found): "'total_size' is \(found), expected a whole number of bytes"
    case .ambiguous(let files):
      "the folder holds several models, expected one: "
        + files.map { "'\($0)'" }.joined(separator: ", ")
    case .noVariant(let variant, let found):
      "has no weights of variant '\(variant)', "
        + (found.isEmpty
          ? "nor of any other"
          : "found "
            + found.map { $0.isEmpty ? "the plain ones" : "'\($0)'" }
            .joined(separator: ", "))
    }
  }
}

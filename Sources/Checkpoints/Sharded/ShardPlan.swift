internal import Foundation
public import TensorCore

/// How a run of tensors is divided among files, and what these are called; as transformers and
/// diffusers do (`huggingface_hub`, `serialization/_base.py`), but without changing the order.
public struct ShardPlan: Sendable, Hashable {
  /// The tensors of each file, by their places.
  public let ranges: [Range<Int>]
  /// The path of the model, were it one file.
  public let path: String
  /// The variant that `path` names in front of its ending, `fp16`: the index names it at its end.
  private let variant: String?

  /// Fills files one after the other up to `limit` bytes of tensors; a tensor that is larger has a
  /// file of its own.
  public init(_ tensors: [TensorDescription], limit: Int?, path: String, variant: String? = nil) {
    self.variant = variant
    var ranges: [Range<Int>] = []
    var (start, size) = (0, 0)
    for (index, tensor) in tensors.enumerated() {
      let count = tensor.elementType.byteCount(for: tensor.shape) ?? 0
      // Not the sum, which a small limit cannot make overflow but a large tensor could.
      if let limit, index > start, count > limit - min(size, limit) {
        ranges.append(start..<index)
        (start, size) = (index, 0)
      }
      size += count
    }
    ranges.append(start..<tensors.count)
    self.ranges = ranges
    self.path = path
  }

  /// The paths of the files with tensors: `model-00001-of-00002.safetensors`, or `path` itself
  /// where one is enough.
  public var paths: [String] {
    guard ranges.count > 1 else { return [path] }
    let (stem, ending) = Self.parts(of: path)
    return ranges.indices.map {
      "\(stem)-\(Self.number($0 + 1))-of-\(Self.number(ranges.count))\(ending)"
    }
  }

  /// The path of the index; `nil` where one file is enough.
  public var indexPath: String? { ranges.count > 1 ? indexPath(of: path) : nil }

  /// `model.safetensors.index.json`, and of a variant `model.safetensors.index.fp16.json`.
  private func indexPath(of path: String) -> String {
    let (stem, ending) = Self.parts(of: path)
    guard let variant, stem.hasSuffix("." + variant) else { return path + ".index.json" }
    return stem.dropLast(variant.count + 1) + ending + ".index.\(variant).json"
  }

  private static func number(_ value: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// A path in front of its ending, and the ending with its dot.
  private static func parts(of path: String) -> (stem: String, ending: String) {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[start...].lastIndex(of: "."), dot != start else { return (path, "") }
    return (String(path[..<dot]), String(path[dot...]))
  }

  /// Files beside the ones of this plan that belong to the same model in another division: shards
  /// of a former, larger set, or the one file or the index that a reader could take for it.
  public var leftovers: [String] {
    let url = URL(filePath: path)
    let folder = url.deletingLastPathComponent().path(percentEncoded: false)
    let prefix = String(path.dropLast(url.lastPathComponent.count))
    let (stem, ending) = Self.parts(of: url.lastPathComponent)
    let written = Set((paths + [indexPath].compactMap(\.self)).map { $0.dropFirst(prefix.count) })
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().filter { name in
      guard !written.contains(Substring(name)) else { return false }
      if name == url.lastPathComponent || name == indexPath(of: url.lastPathComponent) {
        return true
      }
      guard name.hasPrefix(stem + "-"), name.hasSuffix(ending) else { return false }
      return name.dropFirst(stem.count).dropLast(ending.count).wholeMatch(of: #/-\d{5,}-of-\d{5,}/#)
        != nil
    }
    .map { prefix + $0 }
  }
}

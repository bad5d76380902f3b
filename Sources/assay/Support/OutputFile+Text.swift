internal import Foundation
internal import TensorCore

extension OutputFile {
  /// Throws at once what would otherwise be thrown after minutes of work, or would cost the user a
  /// file: one cannot be created, two are the same, or one is what is to be read. Leaves nothing.
  ///
  /// - Parameters:
  ///   - paths: where results go; `nil` where none is wanted.
  ///   - inputs: the files and folders that are read.
  static func checkWritable(_ paths: String?..., sparing inputs: [String] = []) throws {
    var seen: [String: String] = [:]
    for path in paths.compactMap(\.self) {
      if let input = inputs.first(where: { holds($0, path) }) {
        throw OutputError(path: path, problem: "is to be written, and is read as \(input)")
      }
      let place = URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path
      if let other = seen.updateValue(path, forKey: place) {
        throw OutputError(path: path, problem: "is to be written twice, as \(other) too")
      }
      _ = try OutputFile(replacing: path)
    }
  }

  /// Whether a path leads to an input, or to a file in a folder that is one.
  private static func holds(_ input: String, _ path: String) -> Bool {
    let (read, written) = (Place(input), Place(path))
    guard let read, let written else { return false }
    return read == written || read.isFolder && written.path.hasPrefix(read.path + "/")
  }

  /// What lies at a path, behind all links.
  private struct Place: Equatable {
    let path: String
    let isFolder: Bool
    private let device: Int
    private let number: Int

    /// `nil` where nothing is.
    init?(_ path: String) {
      self.path = URL(filePath: path).standardizedFileURL.resolvingSymlinksInPath().path
      guard let found = try? FileManager.default.attributesOfItem(atPath: self.path),
        let device = found[.systemNumber] as? Int, let number = found[.systemFileNumber] as? Int
      else { return nil }
      isFolder = found[.type] as? FileAttributeType == .typeDirectory
      (self.device, self.number) = (device, number)
    }

    static func == (left: Self, right: Self) -> Bool {
      (left.device, left.number) == (right.device, right.number)
    }
  }
}

/// A result that would take the place of what it is made of, or of another result.
struct OutputError: DescribedError {
  /// The path as the user gave it.
  let path: String
  /// What is wrong with it.
  let problem: String

  var description: String { "\(path): \(problem)" }
}

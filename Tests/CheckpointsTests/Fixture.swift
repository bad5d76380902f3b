import Checkpoints
import Foundation
import TensorCore
import Testing

/// The files that `Fixtures/containers/make.py` makes.
enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/containers").standardizedFileURL

  /// The path of `valid/…` or `hostile/…`.
  static func path(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  /// What the valid files hold.
  static let expected: JSONObject = {
    guard let data = try? Data(contentsOf: folder.appending(path: "expected.json")),
      let json = try? JSON(parsing: Array(data))
    else { return [:] }
    return json.objectValue ?? [:]
  }()

  static let validNames = expected.keys

  /// A folder that is removed after the test.
  static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  /// The line that opening a file and reading all its tensors ends with; `nil` when it works.
  static func message(
    _ path: String, options: ReadingOptions = ReadingOptions()
  ) -> String? {
    do {
      let checkpoint = try Checkpoint.open(path: path, options: options)
      for index in checkpoint.source.tensors.indices {
        _ = try checkpoint.source.tensor(at: index)
      }
      return nil
    } catch {
      return "\(error)"
    }
  }
}

extension TensorView {
  /// The bytes in hexadecimal digits.
  var hexadecimal: String {
    withBytes { bytes in
      bytes.withUnsafeBytes { $0.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    }
  }
}

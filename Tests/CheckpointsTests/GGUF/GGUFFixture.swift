import Foundation
import TensorCore

/// The files that `Fixtures/gguf/make.py` makes.
enum GGUFFixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/gguf").standardizedFileURL

  /// The path of `valid/…` or `hostile/…`.
  static func path(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  /// The tensors and values of the plain files, by name.
  static let expected = json("expected.json")
  /// The line that each hostile file must end with, without the path.
  static let messages = json("messages.json").members.map {
    (name: $0.key, text: $0.value.stringValue ?? "")
  }

  private static func json(_ name: String) -> JSONObject {
    guard let data = try? Data(contentsOf: folder.appending(path: name)),
      let json = try? JSON(parsing: Array(data))
    else { return [:] }
    return json.objectValue ?? [:]
  }
}

internal import Foundation

/// A file below `Fixtures`.
public enum FixtureFile {
  /// The path of a fixture: `families/sd15.safetensors`.
  public static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/\(name)").standardized.path(percentEncoded: false)
  }
}

internal import Foundation
internal import Synchronization

/// The unfinished files and folders of this process, so that an interrupt can remove them.
public enum TemporaryPaths {
  private struct Registry {
    var paths: Set<String> = []
    var counter = 0
  }
  private static let registry = Mutex(Registry())

  /// A path beside `target` that nothing uses yet, remembered until `forget`.
  static func reserve(beside target: String) -> String {
    registry.withLock { state in
      state.counter += 1
      let url = URL(filePath: target)
      let name = ".\(url.lastPathComponent).assay-\(getpid())-\(state.counter)"
      let path = url.deletingLastPathComponent().appending(path: name).path(percentEncoded: false)
      state.paths.insert(path)
      return path
    }
  }

  static func forget(_ path: String) {
    registry.withLock { _ = $0.paths.remove(path) }
  }

  /// Removes everything unfinished. For a handler of Ctrl-C, just before the process ends.
  public static func removeAll() {
    let paths = registry.withLock { state in
      defer { state.paths = [] }
      return state.paths
    }
    for path in paths { try? FileManager.default.removeItem(atPath: path) }
  }
}

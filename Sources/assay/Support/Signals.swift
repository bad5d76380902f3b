internal import Dispatch
internal import Foundation
internal import TensorCore

/// What the process does about signals.
enum Signals {
  /// Ctrl-C and `kill` remove unfinished outputs and end the process with the shell's status for
  /// them; a closed pipe and a file-size limit become errors of the write that meets them.
  static func install() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { end(status: 128 + number) }
      source.activate()
      sources.append(source)
    }
  }

  /// Removes unfinished outputs and ends the process at once.
  static func end(status: Int32) -> Never {
    TemporaryPaths.removeAll()
    _exit(status)
  }

  private static let queue = DispatchQueue(label: "assay.signals")
  // Written once, by `install`, before any other thread runs.
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []
}

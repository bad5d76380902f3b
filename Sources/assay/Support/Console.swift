internal import Foundation
internal import TensorCore

/// The standard streams: results go to the output, everything else to the error stream.
enum Console {
  /// Whether the error stream is a terminal, where a progress bar makes sense.
  static let showsProgress = isatty(STDERR_FILENO) == 1

  /// Writes results to the standard output.
  ///
  /// - Throws: `FileError` when they cannot be written; a closed pipe ends the process quietly,
  ///   with the shell's status for it.
  static func write(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count)
      }
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EPIPE { Signals.end(status: 128 + SIGPIPE) }
        throw FileError(.write, path: "standard output", code: errno)
      }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Writes a line of results.
  static func writeLine(_ text: String) throws { try write(text + "\n") }

  /// Writes a line to the error stream. Failures are of no use to anyone and pass.
  static func note(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }

  /// Writes bare text to the error stream: the progress bar.
  static func draw(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }

  /// Warns on one line: `assay: warning: …`.
  static func warn(_ text: String) { note("assay: warning: " + text.escapingControls) }

  /// Reports an error as one line: `assay: model.ckpt: no such file or folder`.
  static func report(_ error: any Error) {
    let text =
      if let error = error as? any DescribedError { error.description } else { "\(error)" }
    note("assay: " + text.escapingControls)
  }
}

extension String {
  /// Whether the text is of printable ASCII alone, as nearly every name is.
  var isPlainASCII: Bool { utf8.allSatisfy { (0x20..<0x7F).contains($0) } }

  /// The text on one line: control characters, and what terminals take for commands, are escaped.
  /// Names in a stranger's file are not to move the cursor.
  var escapingControls: String {
    if isPlainASCII { return self }
    var output = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{200B}"..<"\u{2010}",
        "\u{2028}"..<"\u{202F}", "\u{2066}"..<"\u{206A}", "\u{FEFF}":
        output += "\\u{\(String(scalar.value, radix: 16))}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }
}
